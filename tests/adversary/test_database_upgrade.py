"""A data folder that an older major version of PostgreSQL made: told of, and upgraded with all that it holds."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.embedded import EmbeddedPostgres
from config.embedded.programs import MAJOR
from config.folders import DataFolder
from tests.adversary.older_postgres import OLDER, older_folder, older_server, say
from tests.adversary.test_backup import DOCUMENTS
from tests.journeys.installation import Installation, installation

pytestmark = [pytest.mark.adversary("loss"), pytest.mark.slow, pytest.mark.xdist_group("upgrade")]


@pytest.fixture
def weir() -> Iterator[Installation]:
    """Its folder holds a database of the older version, written by that server, which was then killed."""
    with installation(SLACK_WEBHOOK_URL="http://127.0.0.1:9/T0", WEIR_ALLOW_LOOPBACK_WEBHOOKS="true") as made:
        with older_server(made.folder / "data") as server:
            made.env["DATABASE_URL"] = server.url
            made.weir("migrate", "-v", "0")
            made.env["WEIR_SECRET_KEYS"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
            made.apply(DOCUMENTS)
        del made.env["DATABASE_URL"]
        yield made


def test_an_older_folder_is_told_of_and_upgraded_with_the_same_chain(weir: Installation) -> None:
    folder = weir.folder / "data"
    for words in (["up", "--port", "1"], ["doctor"], ["audit", "head"]):
        told = weir.weir_error(*words)
        assert f"was made by PostgreSQL {OLDER}; this Weir brings version {MAJOR}" in told
        assert "run `weir upgrade-database`" in told
        assert "Traceback" not in told

    told = weir.weir("upgrade-database")

    head = told.partition("ends at ")[2].partition(",")[0]
    assert f"kept in {folder}/postgres.{OLDER}" in told
    assert (folder / "postgres" / "PG_VERSION").read_text() == f"{MAJOR}\n"
    assert "nothing is to be done" in weir.weir("upgrade-database")
    server = EmbeddedPostgres(DataFolder(folder))
    server.start(say=say)
    try:
        weir.weir("migrate", "-v", "0")
        assert f"records hold; head {head}." in weir.weir("audit", "verify", "--head", head)
        assert head.partition(":")[0] == str(weir.query("SELECT count(*) FROM governance_decisionrecord")[0][0])
        with psycopg.connect(server.url.replace("//weir@", "//weir_app@")) as application:
            assert application.execute("SELECT path FROM governance_scope WHERE path = 'acme'").fetchall()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute("DELETE FROM governance_decisionrecord")
    finally:
        server.stop()


@pytest.fixture
def server(tmp_path: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(DataFolder(tmp_path / "data"))


def made_by(server: EmbeddedPostgres, major: str, name: str = "postgres") -> Path:
    cluster = server.folder.path / name
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text(f"{major}\n")
    return cluster


@pytest.mark.parametrize(
    ("major", "advice"),
    [
        (OLDER, "run `weir upgrade-database`. Or with the Weir that made it `weir backup FILE`"),
        ("9", "run `weir upgrade-database --programs FOLDER`, with the folder of PostgreSQL 9's own programs"),
        ("99", "is older and does not open it. Nothing was changed: run the Weir that made it."),
        (MAJOR, ""),
    ],
)
def test_what_to_do_depends_on_the_version(server: EmbeddedPostgres, major: str, advice: str) -> None:
    made_by(server, major)
    assert (advice in server.other_version(), bool(server.other_version())) == (True, bool(advice))


def test_an_upgrade_that_was_killed_between_its_renames_is_no_empty_folder(server: EmbeddedPostgres) -> None:
    kept = made_by(server, OLDER, f"postgres.{OLDER}")
    assert "was interrupted: run `weir upgrade-database` again" in server.other_version()
    shutil.rmtree(kept)
    assert server.other_version() == ""


def test_a_failed_upgrade_leaves_the_folder_as_it_was() -> None:
    with installation() as made:
        server = older_folder(made.folder / "data")
        (server.folder.postgres / "global" / "pg_control").unlink()
        before = [path.name for path in server.folder.path.iterdir()]
        told = made.weir_error("upgrade-database")
        assert "pg_ctl failed, and the folder is as it was: " in told
        assert "Traceback" not in told
        assert server.major() == OLDER
        assert {path.name for path in server.folder.path.iterdir()} - {"up.lock"} == set(before)
