"""What the supervisor starts: clear what the last one left, wait for the database, become the program.

    python -m config.programs web|fast|slow|beat|announce

A program killed by force can leave children (granian's workers keep serving). All carry the mark their program
gave them in its environment, which no other process can have by chance.
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

MARK = "WEIR_PROGRAM"
DATABASE_PATIENCE_S = 120
WEB_WORKERS = 2
# More threads slow the slowest decisions down; a single one waits behind every batch of usage.
WEB_THREADS = 2
PROGRAMS = ("web", "fast", "slow", "beat")


def mark(folder: DataFolder, program: str) -> str:
    return f"{folder.path.resolve()}#{program}"


def leftovers(folder: DataFolder, program: str = "") -> Iterator[psutil.Process]:
    """Living processes of this data folder's program (of all its programs without one), but this one."""
    wanted = mark(folder, program)
    own = {os.getpid(), os.getppid()}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            found = process.environ().get(MARK, "")
            if process.pid not in own and (found == wanted if program else found.startswith(wanted)):
                yield process


def stop_leftovers(folder: DataFolder, program: str = "") -> int:
    """Ask, then insist. The number of processes there were."""
    found = list(leftovers(folder, program))
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(found, timeout=5)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    return len(found)


def command(program: str, folder: DataFolder) -> list[str]:
    worker = ["-m", "celery", "-A", "config", "worker", "--pool", "threads", "--without-gossip", "--without-mingle"]
    worker += ["--without-heartbeat"]
    arguments = {
        "web": [
            *("-m", "granian", "--interface", "wsgi", "config.wsgi:application"),
            *("--host", os.environ["WEIR_WEB_HOST"], "--port", os.environ["WEIR_WEB_PORT"]),
            *("--workers", str(WEB_WORKERS), "--blocking-threads", str(WEB_THREADS), "--backlog", "1024"),
            *("--respawn-failed-workers", "--workers-kill-timeout", "5", "--no-ws", "--log-level", "warning"),
        ],
        # Doorbells of evaluation and delivery never wait behind a sweep: a process of their own.
        "fast": [*worker, "--queues", "fast", "--concurrency", "4", "--hostname", "fast@%h", "--loglevel", "INFO"],
        "slow": [*worker, "--queues", "slow", "--concurrency", "2", "--hostname", "slow@%h", "--loglevel", "INFO"],
        "beat": [
            *("-m", "celery", "-A", "config", "beat", "--pidfile", "", "--loglevel", "INFO"),
            *("--schedule", str(folder.path / "beat-schedule")),
        ],
    }
    return [sys.executable, *arguments[program]]


def wait_for_database(folder: DataFolder) -> None:
    """The embedded server's socket takes connections. A server elsewhere is waited for by who uses it."""
    if os.environ.get("DATABASE_URL"):
        return
    deadline = time.monotonic() + DATABASE_PATIENCE_S
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(str(folder.sockets / ".s.PGSQL.5432"))
            return
        time.sleep(0.05)


def announce(folder: DataFolder) -> None:
    """Wait until everything works, then show the way in; silent when the supervisor ends before that."""
    url = os.environ["WEIR_READY_URL"]
    supervisor = os.getppid()
    deadline = time.monotonic() + DATABASE_PATIENCE_S
    while time.monotonic() < deadline:
        if os.getppid() != supervisor:
            return
        with suppress(URLError, OSError), urlopen(url, timeout=5) as answer:  # noqa: S310  # our own http address
            if answer.status == 200:  # noqa: PLR2004
                print((folder.path / "welcome.txt").read_text(), flush=True)  # noqa: T201
                return
        time.sleep(0.2)
    print(f"Still not ready: see {url}, the logs in {folder.logs}, and `weir doctor`.", flush=True)  # noqa: T201


def main(program: str) -> None:
    folder = data_folder(os.environ["WEIR_DATA_DIR"])
    if program == "announce":
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        announce(folder)
        return
    stop_leftovers(folder, program)
    wait_for_database(folder)
    # Glibc gives every thread an arena of its own; two are enough and save tens of megabytes.
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    os.chdir(PROJECT)
    words = command(program, folder)
    os.execv(words[0], words)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main(Path(sys.argv[1]).name)
