"""A real Weir in a folder of its own: `weir up` as a child, everything else through its command line and HTTP."""

from __future__ import annotations

import fcntl
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg
import requests

from config.embedded import EmbeddedPostgres
from config.folders import DataFolder
from tests.journeys.doubles import Received, slack_server, smtp_server

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 180
LOG_END = 3000
# All that `weir up` does before it starts what answers.
PREPARE = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
from config import cli
cli.prepare()
import django
django.setup()
from django.conf import settings
from config.management.commands.up import Command
Command().prepare(settings.DATA_FOLDER, demo=False)
"""
T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(read: Callable[[], T], *, holds: Callable[[T], bool], within_s: float, what: str) -> T:
    """Read until it holds; the last value seen is part of the failure."""
    deadline = time.monotonic() + within_s
    while not holds(value := read()):
        assert time.monotonic() < deadline, f"{what}: still {value!r} after {within_s} s"
        time.sleep(0.05)
    return value


@dataclass
class Installation:
    """One data folder and the processes `weir up` keeps on it."""

    folder: Path
    port: int
    env: dict[str, str]
    up: subprocess.Popen[bytes] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "up.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # --- the command line -------------------------------------------------------------------------------------

    def weir(self, *words: str, code: int = 0) -> str:
        """Run one command; its standard output, after checking the exit code."""
        ran = self._run(words)
        assert ran.returncode == code, f"weir {' '.join(words)} ended {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    def weir_error(self, *words: str) -> str:
        """Run one command that must fail; everything it printed."""
        ran = self._run(words)
        assert ran.returncode != 0, f"weir {' '.join(words)} did not fail\n{ran.stdout}"
        return ran.stdout + ran.stderr

    def _run(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def key(self, scope: str, *permissions: str) -> str:
        printed = self.weir("keys", "create", "--scope", scope, "--can", ",".join(permissions))
        found = re.search(r"weir_\S+", printed)
        assert found, printed
        return found.group()

    def user(self, email: str, persona: str, scope: str) -> str:
        """Create a user; the one-time password printed."""
        return self.weir("users", "create", email, "--persona", persona, "--scope", scope).strip()

    def apply(self, text: str, *, name: str = "organisation.yaml") -> str:
        path = self.folder / name
        path.write_text(text)
        return self.weir("apply", str(path))

    # --- HTTP -------------------------------------------------------------------------------------------------

    def post(self, path: str, body: Any, *, key: str, **headers: str) -> requests.Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.post(
            self.url + path,
            data=data,
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"} | named,
            timeout=60,
        )

    def get(self, path: str, *, key: str, **params: str) -> Any:
        answer = requests.get(self.url + path, params=params, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def decide(self, scope: str, *, key: str, model: str = "gpt-4o") -> Any:
        answer = self.post("/api/v1/decisions", {"scope": scope, "model": model}, key=key)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ready(self) -> bool:
        try:
            return requests.get(self.url + "/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    # --- the processes ----------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """What `weir up` prepares in a new folder is there already, except with a database elsewhere."""
        if not (self.folder / "data").exists() and "DATABASE_URL" not in self.env:
            copy_prepared(self.folder / "data")

    def start(self, *around: str) -> None:
        """`weir up`, as the last words of the command `around`."""
        self.prepare()
        with self.log.open("ab") as log:
            self.up = subprocess.Popen(
                [*around, sys.executable, "manage.py", "up", "--port", str(self.port), "--no-demo",
                 "--data-dir", str(self.folder / "data")],
                cwd=ROOT, env=self.env, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        try:
            eventually(self._ready_or_dead, holds=lambda ready: ready, within_s=START_TIMEOUT_S, what=str(self.log))
        except AssertionError as problem:
            # The folder goes with the test; what it tells must not.
            problem.add_note(self.told())
            raise

    def told(self) -> str:
        """What `/readyz` answers and the doctor finds, and the end of every log."""
        try:
            state = requests.get(self.url + "/readyz", timeout=5).text
        except requests.RequestException as problem:
            state = str(problem)
        logs = [self.log, *sorted((self.folder / "data" / "log").glob("*.log"))]
        ends = [f"--- {log.name}\n{log.read_text(errors='replace')[-LOG_END:]}" for log in logs if log.exists()]
        return "\n".join([f"/readyz: {state}", self._run(["doctor"]).stdout, *ends])

    def _ready_or_dead(self) -> bool:
        assert self.up is not None
        assert self.up.poll() is None, self.log.read_text()
        return self.ready()

    def stop(self) -> None:
        """Ctrl-C, and wait until the parent has gone; its children went first."""
        assert self.up is not None
        children = self.processes()
        self.up.send_signal(signal.SIGINT)
        self.up.wait(timeout=60)
        _, alive = psutil.wait_procs(children, timeout=10)
        assert alive == []

    def processes(self) -> list[psutil.Process]:
        assert self.up is not None
        return psutil.Process(self.up.pid).children(recursive=True)

    def kill(self, word: str) -> int:
        """SIGKILL every own process whose command line holds the word; how many there were."""
        killed = 0
        for process in self.processes():
            try:
                if word in " ".join([process.name(), *process.cmdline()]):
                    process.kill()
                    killed += 1
            except psutil.NoSuchProcess:
                continue
        return killed

    def kill_all(self) -> None:
        """SIGKILL of the supervisor and of everything below it, at once."""
        assert self.up is not None
        family = [psutil.Process(self.up.pid), *self.processes()]
        for process in family:
            process.suspend()
        for process in family:
            process.kill()
        self.up.wait(timeout=10)

    # --- the database, only to look ---------------------------------------------------------------------------

    def query(self, sql: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        with psycopg.connect(self.database_url()) as connection:
            return connection.execute(sql.encode(), values or None).fetchall()

    def wait_for_fold(self) -> None:
        """Until all usage that was acknowledged is in roll-ups, charge lines and tasks."""
        eventually(
            lambda: self.query("SELECT count(*) FROM allocation_usagejournal"),
            holds=lambda rows: rows == [(0,)], within_s=60, what="usage that waits for the fold",
        )  # fmt: skip

    def dump(self) -> str:
        """The text of every row of every table."""
        tables = self.query(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('public', 'pgmq')"
        )
        return "\n".join(text for (table,) in tables for (text,) in self.query(f"SELECT t::text FROM {table} t"))

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.database_url()) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def database_url(self) -> str:
        if elsewhere := self.env.get("DATABASE_URL"):
            return elsewhere
        return EmbeddedPostgres(DataFolder(self.folder / "data")).url


def own_environment(folder: Path) -> dict[str, str]:
    """This process's, for a Weir of the data folder with a database of its own."""
    unset = {"DATABASE_URL", "CELERY_BROKER_URL"}
    return {name: value for name, value in os.environ.items() if name not in unset} | {"WEIR_DATA_DIR": str(folder)}


def copy_prepared(to: Path) -> None:
    """The data folder becomes one in which `weir up` has made the database, the secrets and the static files, which
    takes longer than all that comes after it: it is done once for all the processes of a run. tests/config/test_up.py
    starts from nothing.
    """
    prepared = Path(os.environ["WEIR_TEST_FOLDER"]) / "prepared"
    with prepared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not prepared.exists():
            draft = prepared.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            ran = subprocess.run(
                [sys.executable, "-c", PREPARE],
                cwd=ROOT, env=own_environment(draft), capture_output=True, text=True, timeout=START_TIMEOUT_S,
                check=False,
            )  # fmt: skip
            assert ran.returncode == 0, ran.stdout + ran.stderr
            draft.rename(prepared)
    # Its files belong to several users.
    subprocess.run(["cp", "--archive", str(prepared), str(to)], check=True)


@contextmanager
def installation(**extra_env: str) -> Iterator[Installation]:
    """A fresh folder that the database's own system user can reach too, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="weir-"))
    folder.chmod(0o755)
    made = Installation(folder=folder, port=free_port(), env=own_environment(folder / "data") | extra_env)
    try:
        yield made
    finally:
        if made.up is not None and made.up.poll() is None:
            made.stop()
        shutil.rmtree(folder)


@contextmanager
def running_installation(received: Received) -> Iterator[Installation]:
    """Started, and connected to a Slack and a mail server on loopback."""
    with (
        slack_server(received) as slack_url,
        smtp_server(received, free_port()) as smtp_port,
        installation(
            WEIR_EMAIL_HOST="127.0.0.1",
            WEIR_EMAIL_PORT=str(smtp_port),
            WEIR_ALLOW_LOOPBACK_WEBHOOKS="true",
            SLACK_WEBHOOK_URL=slack_url,
        ) as made,
    ):
        made.start()
        yield made
