import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from config import folders
from config.embedded import EmbeddedPostgres, EmbeddedPostgresError
from config.folders import DataFolder, data_folder

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's PostgreSQL runs as another user")


def say(_sentence: str) -> None:
    return


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(DataFolder(folder))
    yield server
    server.stop()


def rows(server: EmbeddedPostgres) -> list[tuple[int]]:
    with psycopg.connect(server.url) as connection:
        return connection.execute("select n from kept order by n").fetchall()


def keep(server: EmbeddedPostgres, number: int) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("create table if not exists kept (n int)")
        connection.execute("insert into kept values (%s)", [number])


def test_it_starts_twice_and_stops_once(server: EmbeddedPostgres) -> None:
    server.start(say=say)
    first = server.process()
    server.start(say=say)

    assert server.process() == first
    assert server.stop() is True
    assert server.process() is None
    assert server.stop() is False


def test_nothing_is_lost_when_all_of_it_is_killed(server: EmbeddedPostgres) -> None:
    server.start(say=say)
    keep(server, 1)
    process = server.process()
    assert process is not None
    family = [process, *process.children(recursive=True)]
    for one in family:
        # The others leave by themselves once the first is gone.
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(family, timeout=10)

    server.start(say=say)
    keep(server, 2)

    assert rows(server) == [(1,), (2,)]


def test_it_starts_over_a_stale_pid_file_whose_number_lives_again(server: EmbeddedPostgres) -> None:
    server.start(say=say)
    keep(server, 1)
    pid_file = server.folder.postgres / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.stop()
    # The number belongs to somebody else now, as after a container's restart.
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    server.start(say=say)

    assert rows(server) == [(1,)]


def test_a_killed_first_start_leaves_nothing_in_the_way(server: EmbeddedPostgres) -> None:
    server.prepare_folders(say)
    half = server.folder.path / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")

    server.start(say=say)

    assert server.process() is not None


def test_it_is_durable_and_listens_on_no_network(server: EmbeddedPostgres) -> None:
    server.start(say=say)
    names = ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses")
    with psycopg.connect(server.url) as connection:
        found = {name: connection.execute("select current_setting(%s)", [name]).fetchall() for name in names}

    assert found == {
        "fsync": [("on",)],
        "synchronous_commit": [("on",)],
        "full_page_writes": [("on",)],
        "listen_addresses": [("",)],
    }
    assert server.folder.sockets.stat().st_mode & 0o077 == 0


@as_root
def test_root_is_refused_a_private_way_and_nothing_is_opened(tmp_path: Path) -> None:
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    modes = {folder: folder.stat().st_mode for folder in private.parents}

    with pytest.raises(EmbeddedPostgresError, match="cannot enter"):
        EmbeddedPostgres(DataFolder(private / "data")).start(say=say)

    assert {folder: folder.stat().st_mode for folder in private.parents} == modes
    assert private.stat().st_mode & 0o777 == 0o700
    assert list(private.iterdir()) == []


STARTING = """
import sys
from pathlib import Path
from config.embedded import EmbeddedPostgres, system_user
from config.folders import DataFolder

user, folder = sys.argv[1:]
system_user.SYSTEM_USER = user
print("ready", flush=True)
sys.stdin.read(1)
EmbeddedPostgres(DataFolder(Path(folder)), durable=False).run(say=lambda sentence: None)
"""


@pytest.fixture
def unknown_user() -> Iterator[str]:
    """The name of a system user that is not there yet; what was made of it is taken away again."""
    name = f"weir-test-{os.getpid()}"
    yield name
    subprocess.run(["userdel", "--force", name], capture_output=True, check=False)


@as_root
def test_two_that_start_at_once_share_the_one_user_that_is_made(folder: Path, unknown_user: str) -> None:
    folder.mkdir(mode=0o755)
    servers = [EmbeddedPostgres(DataFolder(folder / name), durable=False) for name in ("first", "second")]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", STARTING, unknown_user, str(server.folder.path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for server in servers
    ]
    with ExitStack() as closed_at_the_end:
        for process in started:
            closed_at_the_end.enter_context(process)
            # Each becomes its server; one that failed may leave the other anywhere on its way.
            closed_at_the_end.callback(process.terminate)
        assert [process.stdout.readline() for process in started if process.stdout] == [b"ready\n"] * 2
        for process in started:
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
        for process, server in zip(started, servers, strict=True):
            server.wait_until_ready(process)
        owner = pwd.getpwnam(unknown_user).pw_uid
        assert [server.folder.postgres.stat().st_uid for server in servers] == [owner, owner]


@as_root
def test_root_keeps_its_data_elsewhere_when_the_project_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir(mode=0o700)
    monkeypatch.setattr(folders, "PROJECT", project)

    assert data_folder().path.parent == Path("/var/lib/weir")


def test_a_deep_data_folder_gets_a_short_way_to_its_sockets(tmp_path: Path) -> None:
    deep = DataFolder(tmp_path / ("long" * 30))

    assert len(str(deep.sockets / ".s.PGSQL.5432")) < 100


def test_the_command_prints_a_url_that_works(folder: Path) -> None:
    def embedded(action: str, code: int) -> str:
        words = [sys.executable, "-m", "config.embedded", action, str(folder)]
        ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ran.returncode == code, ran.stderr
        return ran.stdout.strip()

    url = embedded("start", 0)
    try:
        with psycopg.connect(url) as connection:
            assert connection.execute("select 1").fetchall() == [(1,)]
        assert embedded("status", 0) == url
    finally:
        embedded("stop", 0)
    assert embedded("status", 3) == "not running"


def test_a_leftover_server_is_stopped_before_the_supervised_one_takes_its_place(server: EmbeddedPostgres) -> None:
    server.start(say=say)
    leftover = server.process()
    assert leftover is not None

    server.clear_leftovers()

    assert not leftover.is_running() or leftover.status() == psutil.STATUS_ZOMBIE
    assert not (server.folder.postgres / "postmaster.pid").exists()
