"""`weir up` as people run it: a child process, then kills, then Ctrl-C."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest
import requests

from config.folders import DataFolder
from config.front.parsers import IS_INSTALLED
from config.programs import TOGETHER
from config.service import process_name

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 180
READY = "Weir is ready."

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("up")]


def eventually(what: str, holds: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {within_s} s"
        time.sleep(0.1)


@dataclass
class Up:
    folder: Path
    environment: dict[str, str]
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def printed(self) -> str:
        return (self.folder.parent / "printed").read_text()

    def weir(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def start(self) -> None:
        words = [sys.executable, "manage.py", "up", "--port", str(self.port), "--data-dir", str(self.folder)]
        with (self.folder.parent / "printed").open("ab") as printed:
            self.process = subprocess.Popen(
                words, cwd=ROOT, env=self.environment, stdout=printed, stderr=printed, start_new_session=True
            )
        # Orphans of a killed run may still answer: what counts is what the new one prints.
        before = self.printed.count(READY)
        eventually("ready", lambda: self.printed_or_dead(before + 1))

    def printed_or_dead(self, times: int) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.printed
        return self.printed.count(READY) == times

    def ready(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def family(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def part(self, words: str) -> list[psutil.Process]:
        found = []
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                if words in " ".join([process.name(), *process.cmdline()]):
                    found.append(process)
        return found

    def stop(self) -> None:
        assert self.process is not None
        family = self.family()
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=90) == 0
        assert psutil.wait_procs(family, timeout=10)[1] == []


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    above = Path(tempfile.mkdtemp(prefix="weir-up-"))
    above.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    unset = ("WEIR_", "CELERY_", "DATABASE_")
    known = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    made = Up(above / "data", known | {"WEIR_DATA_DIR": str(above / "data")}, port)
    try:
        made.start()
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.stop()
    shutil.rmtree(above)


def test_it_prints_the_way_in_and_the_password_once(up: Up) -> None:
    password = re.search(r"Password\s+(\S+)", up.printed)

    assert password is not None
    assert f"http://localhost:{up.port}/admin/" in up.printed
    assert (
        password.group(1)
        not in "".join(path.read_text(errors="replace") for path in up.folder.glob("log/*"))
        + (up.folder / "welcome.txt").read_text()
    )


def test_the_pages_and_their_files_are_served_from_here(up: Up) -> None:
    for path in ("/healthz", "/admin/login/", "/api/docs/", "/api/schema/", "/static/admin/css/base.css"):
        assert requests.get(f"http://127.0.0.1:{up.port}{path}", timeout=10).status_code == 200, path
    page = requests.get(f"http://127.0.0.1:{up.port}/api/docs/", timeout=10).text
    assert re.findall(r'(?:src|href)="(?:https?:)?//', page) == []


def test_the_doctor_finds_nothing_wrong(up: Up) -> None:
    ran = up.weir("doctor")

    assert ran.returncode == 0, ran.stdout
    assert ran.stdout.splitlines()[-1] == "All is well."


def test_a_second_one_on_the_same_folder_says_so(up: Up) -> None:
    ran = up.weir("up", "--port", str(up.port + 1))

    assert ran.returncode == 1
    assert f"Weir is already running on {up.folder} at http://localhost:{up.port}" in ran.stderr


def test_postgresql_knows_which_program_a_connection_is_of(up: Up) -> None:
    sockets = DataFolder(up.folder).sockets

    def named() -> set[str]:
        with psycopg.connect(f"host={sockets} user=weir dbname=weir") as connection:
            return {name for (name,) in connection.execute("SELECT application_name FROM pg_stat_activity")}

    eventually("programs name themselves", lambda: {process_name("fold"), process_name("evaluate")} <= named())


def test_everything_is_done_as_the_application_and_not_as_the_owner(up: Up) -> None:
    sockets = DataFolder(up.folder).sockets
    with psycopg.connect(f"host={sockets} user=weir dbname=weir") as connection:
        used = connection.execute(
            "SELECT DISTINCT usename FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchall()
        rights = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolbypassrls, pg_has_role(oid, 'weir', 'MEMBER') FROM pg_roles"
            " WHERE rolname = 'weir_app'"
        ).fetchall()
    assert (used, rights) == ([("weir_app",)], [(False, False, False, False)])


def test_nobody_else_can_read_what_it_keeps(up: Up) -> None:
    assert up.folder.stat().st_mode & 0o066 == 0
    assert (up.folder / "secrets.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "part",
    [
        "config.service",
        *(process_name(program) for program in TOGETHER),
        *(["config.front"] if IS_INSTALLED else []),
        "bin/postgres -D",
    ],
)
def test_a_killed_part_comes_back(up: Up, part: str) -> None:
    eventually(f"{part} runs", lambda: bool(up.part(part)))
    killed = up.part(part)
    for process in killed:
        # What was just forked ends with its parent.
        with suppress(psutil.NoSuchProcess):
            process.kill()

    assert killed
    # granian's workers die with their main process killed too; the others are single processes.
    eventually(f"{part} runs again", lambda: bool({one.pid for one in up.part(part)} - {one.pid for one in killed}))
    eventually("ready again", up.ready)


def test_a_web_process_killed_alone_leaves_no_old_workers_serving(up: Up) -> None:
    main = min(up.part(process_name("web")), key=lambda process: process.create_time())
    workers = main.children()
    main.kill()

    assert workers
    eventually("old workers are gone", lambda: not any(worker.is_running() for worker in workers))
    eventually("ready again", up.ready)


def test_after_everything_is_killed_the_next_start_works(up: Up) -> None:
    family = up.family()
    assert up.process is not None
    up.process.kill()
    for process in family:
        if process.is_running():
            process.kill()
    up.process.wait()

    up.start()

    assert up.weir("doctor").returncode == 0


def test_a_killed_supervisor_leaves_orphans_that_the_next_start_stops(up: Up) -> None:
    assert up.process is not None
    orphans = up.family()
    up.process.kill()
    up.process.wait()

    up.start()

    assert "that an earlier run had left behind" in up.printed
    assert [process for process in orphans if process.is_running()] == []


def test_ctrl_c_stops_everything(up: Up) -> None:
    up.stop()

    assert up.printed.rstrip().endswith("Weir has stopped; nothing of it is left running.")
    assert json.loads((up.folder / "up.json").read_text())["url"] == f"http://localhost:{up.port}"
