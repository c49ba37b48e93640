"""The drill of the runbook: a backup of a Weir that runs, restored into a new folder, is the same and opens."""

import json
import stat
import tarfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from config.backup import dumps
from config.backup.archive import BackupError, read_manifest, read_secrets, unpack_database
from config.embedded import EmbeddedPostgres, EmbeddedPostgresError
from config.embedded.programs import MAJOR
from config.folders import DataFolder
from tests.adversary.older_postgres import OLDER, older_server
from tests.journeys.installation import Installation, installation

pytestmark = [pytest.mark.adversary("loss"), pytest.mark.slow, pytest.mark.xdist_group("backup")]
DOCUMENTS = """
apiVersion: weir/v1
kind: Scope
metadata: {name: acme}
spec: {kind: organisation, currency: USD}
---
apiVersion: weir/v1
kind: Channel
metadata: {name: finops}
spec: {type: slack, scope: acme, url: {env: SLACK_WEBHOOK_URL}}
---
apiVersion: weir/v1
kind: Budget
metadata: {name: acme-monthly}
spec: {scope: acme, unit: money, period: month, amount: "100.00", currency: USD, starts_on: 2026-01-01}
"""
COUNTED = ("governance_scope", "governance_channel", "governance_decisionrecord", "governance_apikey", "budgets_budget")


@pytest.fixture(scope="module")
def weir() -> Iterator[Installation]:
    url = "http://127.0.0.1:9/services/T0/B0/secret"
    with installation(SLACK_WEBHOOK_URL=url, WEIR_ALLOW_LOOPBACK_WEBHOOKS="true") as made:
        made.start()
        made.apply(DOCUMENTS)
        yield made


@pytest.fixture(scope="module")
def backup(weir: Installation) -> Path:
    """Made while usage comes in."""
    key = weir.key("acme", "usage:write")
    ended = threading.Event()

    def send() -> None:
        number = 0
        while not ended.wait(0.02):
            number += 1
            call = {
                "id": f"call-{number}", "source": "gateway", "occurred_at": datetime.now(UTC).isoformat(),
                "scope": "acme", "provider": "openai", "model": "gpt-4o", "tokens": {"input": 10, "output": 1},
            }  # fmt: skip
            assert weir.post("/api/v1/usage", [call], key=key).status_code == 200

    sender = threading.Thread(target=send)
    sender.start()
    try:
        file = weir.folder / "weir.backup"
        weir.weir("backup", str(file))
    finally:
        ended.set()
        sender.join()
    return file


def new_folder(weir: Installation, name: str) -> Path:
    return weir.folder / name


def test_the_restored_chain_has_the_same_head_and_every_secret_opens(weir: Installation, backup: Path) -> None:
    head = weir.weir("audit", "head").strip()
    new = new_folder(weir, "restored")

    said = weir.weir("restore", str(backup), "--data-dir", str(new))

    assert f"head {head}, as it was written. 1 channel secret(s) open." in said
    server = EmbeddedPostgres(DataFolder(new))
    server.start(say=lambda _sentence: None)
    try:
        assert f"records hold; head {head}." in weir.weir("audit", "verify", "--head", head, "--data-dir", str(new))
        with psycopg.connect(server.url) as restored:
            for table in COUNTED:
                statement = f"SELECT t::text FROM {table} t ORDER BY 1".encode()
                assert restored.execute(statement).fetchall() == weir.query(statement.decode()), table
            written = restored.execute("SELECT count(*) FROM allocation_usagerecord").fetchall()
        assert 0 < written[0][0] <= weir.query("SELECT count(*) FROM allocation_usagerecord")[0][0]
    finally:
        server.stop()
    assert json.loads((new / "secrets.json").read_text()) == json.loads(
        (weir.folder / "data" / "secrets.json").read_text()
    )
    assert "is not empty" in weir.weir_error("restore", str(backup), "--data-dir", str(new))


def test_the_file_is_closed_to_others_and_never_written_over(weir: Installation, backup: Path) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    before = backup.read_bytes()
    assert "is there already" in weir.weir_error("backup", str(backup))
    assert backup.read_bytes() == before
    assert sorted(path.name for path in backup.parent.glob("weir.backup*")) == ["weir.backup"]


def test_a_damaged_backup_is_refused_before_anything_is_made(weir: Installation, backup: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    content = bytearray(backup.read_bytes())
    with tarfile.open(backup) as archive:
        start = archive.getmember("database.dump").offset_data
    content[start + 5000] ^= 0xFF
    damaged.write_bytes(content)
    assert read_manifest(damaged).postgresql >= 15
    with pytest.raises(BackupError, match="damaged"):
        unpack_database(damaged, tmp_path / "dump")
    assert not (tmp_path / "dump").exists()
    torn = tmp_path / "torn"
    torn.write_bytes(content[:300])
    new = new_folder(weir, "never")
    assert "is no backup of Weir" in weir.weir_error("restore", str(torn), "--data-dir", str(new))
    assert not new.exists()
    with pytest.raises(BackupError):
        read_secrets(torn)


def test_a_folder_with_keys_of_its_own_keeps_them(weir: Installation, backup: Path) -> None:
    other = new_folder(weir, "other")
    other.mkdir(mode=0o700)
    (other / "secrets.json").write_text('{"secret_key": "another", "secret_keys": []}')
    assert "has keys of its own" in weir.weir_error("restore", str(backup), "--data-dir", str(other))
    assert [path.name for path in other.iterdir()] == ["secrets.json"]


def test_a_backup_is_not_restored_into_an_older_server(weir: Installation, backup: Path) -> None:
    with older_server(new_folder(weir, "theirs")) as server:
        weir.env["DATABASE_URL"] = server.url
        try:
            told = weir.weir_error("restore", str(backup), "--data-dir", str(new_folder(weir, "never made")))
        finally:
            del weir.env["DATABASE_URL"]
    assert f"of PostgreSQL {MAJOR}, the database of version {OLDER}: restore into one that is as new" in told
    assert "Traceback" not in told


def test_a_server_newer_than_the_programs_is_told_of_before_anything_is_written() -> None:
    dumps.check_readable(int(MAJOR))
    with pytest.raises(BackupError, match=rf"of PostgreSQL 99.*of version {MAJOR}, which cannot read it"):
        dumps.check_readable(99)


def test_a_folder_of_another_major_version_says_what_to_do(weir: Installation) -> None:
    old = new_folder(weir, "old")
    (old / "postgres").mkdir(mode=0o755, parents=True)
    (old / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(
        EmbeddedPostgresError, match=r"made by PostgreSQL 16; .* `weir backup FILE`.*`weir restore FILE"
    ):
        EmbeddedPostgres(DataFolder(old)).prepare(say=lambda _sentence: None)
    assert "made by PostgreSQL 16" in weir.weir_error("up", "--data-dir", str(old), "--port", "1")
