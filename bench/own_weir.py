"""A Weir for one measurement, started as `weir up` starts it: its own PostgreSQL, web, workers and beat."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg

if TYPE_CHECKING:
    from config.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent
READY_S = 90


@dataclass
class OwnWeir:
    """Its address, its database, PostgreSQL's log and the processes that were started."""

    url: str
    database_url: str
    log: Path
    postmaster: int
    programs: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """A program, again where it has been stopped."""
        from config.databases import APPLICATION, OWNER
        from config.folders import DataFolder
        from config.programs import command, make_way

        folder = DataFolder(self.log.parent.parent)
        make_way(name, folder)
        # As installed: programs are not the owner of the tables.
        own = {**os.environ, "DATABASE_URL": self.database_url.replace(f"//{OWNER}@", f"//{APPLICATION}@")}
        if name != "service":
            # In pg_stat_activity it says which program a backend works for; the service's children name themselves.
            own["PGAPPNAME"] = f"weir-{name}"
        with (folder.logs / f"{name}.log").open("ab") as log:
            self.programs[name] = subprocess.Popen(command(name, folder), cwd=ROOT, env=own, stdout=log, stderr=log)

    def pids(self) -> dict[str, int]:
        """Of every program, also of those that the service has forked."""
        found = {name: program.pid for name, program in self.programs.items()}
        for process in psutil.Process(found["service"]).children() if "service" in found else ():
            found[process.name().removeprefix("weir-")] = process.pid
        return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def own_weir(*, workers: bool, keep: bool = False, times_commits: bool = False) -> Iterator[OwnWeir]:
    """Yields it with its database migrated and Django set up on it; all of it is gone afterwards. Without `workers`
    only the web program runs. With `times_commits` PostgreSQL remembers when each transaction was committed.
    """
    sys.path.insert(0, str(ROOT))
    from config.embedded import EmbeddedPostgres
    from config.folders import DataFolder
    from config.installation import ensure_secrets

    folder = DataFolder(Path(tempfile.mkdtemp(prefix="weir-bench-")))
    folder.path.chmod(0o755)
    server = EmbeddedPostgres(folder)
    port = _free_port()
    os.environ["WEIR_DATA_DIR"] = str(folder.path)
    os.environ["WEIR_WEB_HOST"], os.environ["WEIR_WEB_PORT"] = "127.0.0.1", str(port)
    os.environ["WEIR_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    os.environ.pop("DATABASE_URL", None)
    running = None
    try:
        server.start(say=lambda _: None)
        if times_commits:
            _time_commits(server)
        ensure_secrets(folder)
        _fill()
        process = server.process()
        assert process is not None
        running = OwnWeir(f"http://127.0.0.1:{port}", server.url, folder.logs / "postgres.log", process.pid)
        _start(running, workers=workers)
        yield running
    finally:
        for program in running.programs.values() if running else ():
            program.terminate()
        for program in running.programs.values() if running else ():
            with suppress(subprocess.TimeoutExpired):
                program.wait(15)
            program.kill()
        _disconnect()
        server.stop()
        if not keep:
            shutil.rmtree(folder.path)


def _time_commits(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    server.stop()
    server.start(say=lambda _: None)


def _fill() -> None:
    import django

    django.setup()
    from celery import current_app
    from django.conf import settings
    from django.core.management import call_command

    from config import broker
    from config.management.commands.up import FIRST_TASKS
    from config.roles import grant_application

    settings.STATIC_ROOT.mkdir(exist_ok=True)
    call_command("migrate", interactive=False, verbosity=0)
    broker.install()
    grant_application()
    current_app.loader.import_default_modules()
    for name in FIRST_TASKS:
        current_app.tasks[name]()


def _disconnect() -> None:
    with suppress(Exception):
        from django.db import connections

        connections.close_all()


def _start(weir: OwnWeir, *, workers: bool) -> None:
    from config.programs import FRONT, SUPERVISED

    for name in SUPERVISED if workers else ("web", *FRONT):
        weir.start(name)
    deadline = time.monotonic() + READY_S
    while True:
        with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(f"{weir.url}/readyz", timeout=5):
            return
        if time.monotonic() > deadline:
            if not workers:
                return
            sys.exit(f"Not ready after {READY_S} s: see {weir.log.parent}.")
        if not workers:
            with suppress(urllib.error.HTTPError, OSError), urllib.request.urlopen(f"{weir.url}/healthz", timeout=5):
                return
        time.sleep(0.2)
