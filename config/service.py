"""Web, workers and beat, as children of one process that has loaded the service: what it loaded is in memory once.

Started apart, each keeps a copy of Python's modules, which is most of what it uses. A child that ends is started again;
the parent does nothing else, so that it stays as it was when it forked.
"""

import ctypes
import logging
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import NoReturn

from config.folders import DataFolder, data_folder
from config.programs import TOGETHER, command, make_way
from config.statements import limit, session_options
from governance.memory.engine import collect_cycles_seldom

logger = logging.getLogger(__name__)

# Elsewhere, forking a process that has loaded the system's own frameworks is not safe.
IS_FORKING = sys.platform == "linux"
LOOK_EVERY_S = 0.2
AGAIN_AFTER_S = 1.0
STOP_WITHIN_S = 8.0
# By this Celery knows that it need not check again.
CHECKED = "CELERY_SKIP_CHECKS"
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
# What a worker imports only when it starts.
LOADED_FIRST = (
    "celery.apps.beat", "celery.apps.worker", "celery.bin.celery", "celery.concurrency.thread",
    "celery.worker.consumer", "celery.worker.worker", "config.broker", "config.wsgi",
    "granian.cli", "granian.server", "granian.wsgi", "kombu.transport.pgmq", "psycopg_pool",
)  # fmt: skip


def process_name(program: str) -> str:
    """As `ps` and `top` show it, and PostgreSQL's `pg_stat_activity` its connections."""
    return f"weir-{program}"


class Children:
    """The running programs by process id."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._running: dict[int, str] = {}
        self._not_before_s: dict[str, float] = {}

    def start_missing(self, programs: Iterable[str]) -> None:
        """Starts what does not run; what ends at once is tried once a second."""
        now_s = time.monotonic()
        for program in set(programs) - set(self._running.values()):
            if self._not_before_s.get(program, now_s) <= now_s:
                self._not_before_s[program] = now_s + AGAIN_AFTER_S
                make_way(program, self._folder)
                words = command(program, self._folder)
                pid = _forked(program, words) if IS_FORKING else _spawned(program, words)
                self._running[pid] = program

    def collect(self) -> None:
        """Forgets those that have ended."""
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            program = self._running.pop(pid, "")
            # What it had forked itself, as web does, would go on answering.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            logger.warning("%s ended (%s)", program, os.waitstatus_to_exitcode(status))

    def stop(self) -> None:
        """Asks all to end, and kills what has not after STOP_WITHIN_S."""
        self._signal(signal.SIGTERM)
        end_s = time.monotonic() + STOP_WITHIN_S
        while self._running and time.monotonic() < end_s:
            self.collect()
            time.sleep(LOOK_EVERY_S / 4)
        for pid in self._running:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def _signal(self, number: int) -> None:
        for pid in self._running:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def run(folder: DataFolder) -> None:
    """Runs the programs until SIGTERM or SIGINT."""
    is_asked_to_end = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_asked_to_end
        is_asked_to_end = True

    if IS_FORKING:
        _load()
    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    children = Children(folder)
    while not is_asked_to_end:
        children.collect()
        children.start_missing(TOGETHER)
        time.sleep(LOOK_EVERY_S)
    children.stop()


def _load() -> None:
    """No thread and no connection may exist before a fork, so nothing is started and nothing asked here."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django  # noqa: PLC0415  # only where it is shared

    django.setup()
    from celery import current_app  # noqa: PLC0415  # see above

    current_app.loader.import_default_modules()
    current_app.finalize()
    from django.urls import get_resolver  # noqa: PLC0415  # see above

    assert get_resolver().url_patterns  # noqa: S101  # reads the API and the admin
    for name in LOADED_FIRST:
        import_module(name)
    check_once()
    # A collection in a child would write to every page that holds objects, and so copy it. It was also a quarter of
    # what a sweep in a storm costs.
    collect_cycles_seldom()


def check_once() -> None:
    """Django's, once for all: they look at every model and address, and a child that looks at an object copies it.
    Where they find a fault each program checks for itself, and says so by not starting.
    """
    from django.core.management.base import BaseCommand, SystemCheckError  # noqa: PLC0415  # see above

    try:
        BaseCommand().check()
    except SystemCheckError:
        logger.exception("the programs are started nevertheless, and those that check will not run")
    else:
        os.environ[CHECKED] = "true"


def _spawned(program: str, words: list[str]) -> int:
    own = {"PGAPPNAME": process_name(program), "PGOPTIONS": session_options(program)}
    return subprocess.Popen(words, process_group=0, env=own | os.environ).pid


def _forked(program: str, words: list[str]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        _become(program, words, parent)
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(pid, pid)
    return pid


def _become(program: str, words: list[str], parent: int) -> NoReturn:
    """Runs the program's command line in this process, as Python would after starting, and ends it."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_NAME, process_name(program).encode(), 0, 0, 0)
    os.environ.setdefault("PGAPPNAME", process_name(program))
    limit(program)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(1)
    if words[1] == "-m":
        sys.argv = words[2:]
        runpy.run_module(words[2], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words[1:]
        runpy.run_path(words[1], run_name="__main__")
    raise SystemExit(0)


if __name__ == "__main__":
    run(data_folder(os.environ["WEIR_DATA_DIR"]))
