"""What the supervisor starts: stop processes left by the last run, wait for the database, become the program.

    python -m config.programs service|front|announce

A killed program can leave children (granian's workers keep serving). They are recognised by the mark of folder and
program that they inherit in their environment.
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from config.folders import PROJECT, DataFolder, data_folder
from config.front.parsers import IS_INSTALLED

MARK = "WEIR_PROGRAM"
DATABASE_TIMEOUT_S = 120
WEB_WORKERS = 2
# A thread for each of 32 senders of single events, wherever they are connected: together they make one transaction.
WEB_THREADS = 32
# These are forked from one process, which shares its memory with them (config/service.py).
TOGETHER = ("web", "fold", "evaluate", "fast", "deliver", "slow", "beat")
FRONT = ("front",) if IS_INSTALLED else ()
PROGRAMS = (*TOGETHER, *FRONT)
SUPERVISED = ("service", *FRONT)


def mark(folder: DataFolder, program: str) -> str:
    """The value of MARK in the environment of a program and its children."""
    return f"{folder.path.resolve()}#{program}"


def leftovers(folder: DataFolder, program: str = "") -> Iterator[psutil.Process]:
    """Living processes of this data folder's program, or of all its programs, except this process and its parent."""
    wanted = mark(folder, program)
    own = {os.getpid(), os.getppid()}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            value = process.environ().get(MARK, "")
            if process.pid not in own and (value == wanted if program else value.startswith(wanted)):
                yield process


def stop_leftovers(folder: DataFolder, program: str = "") -> int:
    """Terminate the leftovers, after 5 s kill them; returns how many there were."""
    processes = list(leftovers(folder, program))
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=5)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
    return len(processes)


def web_address(folder: DataFolder) -> list[str]:
    """Behind the front, or in its place where its libraries are missing."""
    if IS_INSTALLED:
        return ["--uds", str(folder.web_socket), "--uds-permissions", "0o600"]
    return ["--host", os.environ["WEIR_WEB_HOST"], "--port", os.environ["WEIR_WEB_PORT"]]


def command(program: str, folder: DataFolder) -> list[str]:
    """The command line of a program."""
    worker = ["-m", "celery", "-A", "config", "worker", "--pool", "threads", "--without-gossip", "--without-mingle"]
    worker += ["--without-heartbeat", "--loglevel", "INFO"]
    arguments = {
        "web": [
            *("-m", "granian", "--interface", "wsgi", "config.wsgi:application"),
            *web_address(folder),
            *("--workers", str(WEB_WORKERS), "--blocking-threads", str(WEB_THREADS), "--backlog", "1024"),
            *("--respawn-failed-workers", "--workers-kill-timeout", "5", "--no-ws", "--log-level", "warning"),
        ],
        # The one address: decisions from memory, and everything else relayed to the web processes.
        "front": ["-m", "config.front"],
        "service": ["-m", "config.service"],
        "fold": ["manage.py", "fold_usage"],
        "evaluate": ["manage.py", "evaluate"],
        # Processes of their own, so that neither a sweep nor a receiver that is slow delays what is not theirs.
        "fast": [*worker, "--queues", "evaluation,beat", "--concurrency", "2", "--hostname", "fast@%h"],
        "deliver": [*worker, "--queues", "deliveries,watch,presses", "--concurrency", "8", "--hostname", "deliver@%h"],
        "slow": [*worker, "--queues", "slow", "--concurrency", "2", "--hostname", "slow@%h"],
        "beat": [
            *("-m", "celery", "-A", "config", "beat", "--pidfile", "", "--loglevel", "INFO"),
            *("--schedule", str(folder.path / "beat-schedule")),
        ],
    }
    return [sys.executable, *arguments[program]]


def wait_for_database(folder: DataFolder) -> None:
    """Wait until the embedded server's socket accepts connections; programs wait for an external server themselves."""
    if os.environ.get("DATABASE_URL"):
        return
    deadline = time.monotonic() + DATABASE_TIMEOUT_S
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(str(folder.sockets / ".s.PGSQL.5432"))
            return
        time.sleep(0.05)


def announce(folder: DataFolder) -> None:
    """Print the welcome once `/readyz` answers 200; nothing when the supervisor ends before that."""
    url = os.environ["WEIR_READY_URL"]
    supervisor = os.getppid()
    deadline = time.monotonic() + DATABASE_TIMEOUT_S
    while time.monotonic() < deadline:
        if os.getppid() != supervisor:
            return
        with suppress(URLError, OSError), urlopen(url, timeout=5) as answer:  # noqa: S310  # our own http address
            if answer.status == 200:  # noqa: PLR2004
                print((folder.path / "welcome.txt").read_text(), flush=True)  # noqa: T201
                return
        time.sleep(0.2)
    print(f"Still not ready: see {url}, the logs in {folder.logs}, and `weir doctor`.", flush=True)  # noqa: T201


def make_way(program: str, folder: DataFolder) -> None:
    """Call it before each start: a web server that was killed leaves its socket behind, and the next one refuses it."""
    if program == "web":
        # The embedded database makes the folder for its own socket; beside a database elsewhere, nobody else does.
        folder.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.web_socket.unlink(missing_ok=True)


def main(program: str) -> None:
    """Become the program; does not return, except from `announce`."""
    folder = data_folder(os.environ["WEIR_DATA_DIR"])
    if program == "announce":
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        announce(folder)
        return
    stop_leftovers(folder, program)
    make_way(program, folder)
    wait_for_database(folder)
    # glibc gives every thread its own arena; two are enough and save tens of megabytes.
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    os.chdir(PROJECT)
    words = command(program, folder)
    os.execv(words[0], words)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main(Path(sys.argv[1]).name)
