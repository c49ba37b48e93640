"""Start, stop and watch the PostgreSQL server of a data folder."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from config.databases import APPLICATION, DATABASE, OWNER
from config.embedded.errors import EmbeddedPostgresError
from config.embedded.programs import MAJOR, RELEASES, binaries
from config.embedded.system_user import (
    Say,
    become_system_user,
    clean_environment,
    ensure_system_user,
    give_to_system_user,
    run_as_system_user,
)
from config.folders import PROJECT, SYSTEM_FOLDER, DataFolder, private_parents

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30

INITDB = ("--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
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
    # Statements and their values would bring users' data into the log.
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
}
# Tests race many threads that each open and close a connection; a closed one counts until its process has ended.
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


@dataclass(frozen=True)
class EmbeddedPostgres:
    """The server of one data folder. ``durable=False`` is for tests: a power failure may lose its data."""

    folder: DataFolder
    durable: bool = True

    @property
    def url(self) -> str:
        """The URL of the database, as its owner, without a password: the socket's folder is closed to other users."""
        return f"postgresql://{OWNER}@/{DATABASE}?host={self.folder.sockets}&port=5432"

    def start(self, *, say: Say) -> None:
        """Make sure that the server runs and has its database; it keeps running when the caller ends.
        EmbeddedPostgresError when it does not come up.
        """
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
        """Stop the server; False when it was not running."""
        process = self.process()
        if process is None:
            return False
        _end(process, signal.SIGINT, timeout_s=STOP_TIMEOUT_S)
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

    def prepare(self, *, say: Say) -> None:
        """Create what is missing: folders, as root the system user, and the cluster. EmbeddedPostgresError for a folder
        of another major version, or one that is being upgraded.
        """
        self.prepare_folders(say)
        for inside in (self.folder.sockets, self.folder.logs):
            inside.mkdir(mode=0o700, parents=True, exist_ok=True)
        give_to_system_user(self.folder.sockets)
        if problem := self.other_version():
            raise EmbeddedPostgresError(problem)
        if self.major() is None:
            say(f"Creating a PostgreSQL {MAJOR} database in {self.folder.postgres}.")
            self._create_cluster(say)

    def major(self) -> str | None:
        """The major version that made the cluster; None before there is one."""
        version = self.folder.postgres / "PG_VERSION"
        return version.read_text().strip() if version.exists() else None

    def kept_clusters(self) -> dict[str, Path]:
        """What an upgrade has put aside, by major version."""
        return {
            path.name.partition(".")[2]: path
            for path in self.folder.path.glob("postgres.*")
            if path.name.partition(".")[2].isdecimal()
        }

    def other_version(self) -> str:
        """What to do about a cluster of another major version, which this one does not open, in a sentence; "" for one
        that it opens.
        """
        major = self.major()
        if major == MAJOR or (major is None and not self.kept_clusters()):
            return ""
        if major is None:
            return f"The upgrade of {self.folder.postgres} was interrupted: run `weir upgrade-database` again."
        said = f"{self.folder.postgres} was made by PostgreSQL {major}; this Weir brings version {MAJOR}, which"
        by_backup = (
            "with the Weir that made it `weir backup FILE`, with this one `weir restore FILE --data-dir NEW-FOLDER`"
        )
        if major in RELEASES:
            return f"{said} does not open it. Nothing was changed: run `weir upgrade-database`. Or {by_backup}."
        if major.isdecimal() and int(major) > int(MAJOR):
            return f"{said} is older and does not open it. Nothing was changed: run the Weir that made it."
        return (
            f"{said} does not open it. Nothing was changed: run `weir upgrade-database --programs FOLDER`, with the"
            f" folder of PostgreSQL {major}'s own programs. Or {by_backup}."
        )

    def prepare_folders(self, say: Say) -> None:
        """Create the data folder, and as root the system user, who must be able to reach it: EmbeddedPostgresError when
        a parent folder is closed to that user.
        """
        new = [path for path in (self.folder.path, *self.folder.path.parents) if not path.exists()]
        if os.geteuid() == 0:
            if closed := private_parents(self.folder.path):
                raise EmbeddedPostgresError(
                    f"PostgreSQL does not run as root, and its system user cannot enter {closed[0]}. "
                    f"Nothing was changed. Choose another data folder (--data-dir {SYSTEM_FOLDER}), "
                    f"or allow it yourself: chmod o+x {' '.join(map(str, closed))}"
                )
            ensure_system_user(say)
        self.folder.path.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            for made in new[1:]:
                made.chmod(0o755)
            # PostgreSQL's user must reach its folders below; listing this one stays forbidden.
            self.folder.path.chmod(0o711)
        else:
            self.folder.path.chmod(0o700)

    def _create_cluster(self, say: Say) -> None:
        # A killed initdb leaves a folder that the next run refuses: it works beside the real name until it is complete.
        made = self.folder.path / "postgres.new"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700)
        give_to_system_user(made)
        program = str(binaries(say) / "initdb")
        done = run_as_system_user([program, *INITDB, "-U", OWNER, "-D", str(made)])
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"PostgreSQL could not create its database: {done.stderr.strip()}")
        made.rename(self.folder.postgres)

    def run(self, *, say: Say) -> None:
        """Replace this process by the server, as a supervisor needs it. Does not return."""
        self.prepare(say=say)
        self.clear_leftovers()
        program = binaries(say) / "postgres"
        settings = SETTINGS | {"unix_socket_directories": str(self.folder.sockets)}
        options = [f"--{name}={value}" for name, value in (settings | ({} if self.durable else THROWAWAY)).items()]
        become_system_user()
        os.chdir("/")
        os.execve(program, [str(program), "-D", str(self.folder.postgres), *options], clean_environment())  # noqa: S606

    def clear_leftovers(self) -> None:
        """Stop processes left by a killed supervisor or postmaster, and remove stale lock files.

        PostgreSQL removes its stale files only when their pid is free; in containers pids are soon used again.
        """
        if (server := self.process()) is not None:
            _end(server, signal.SIGINT, timeout_s=STOP_TIMEOUT_S)
        for orphan in self._orphans():
            _end(orphan, signal.SIGQUIT, timeout_s=5)
        for stale in ("postmaster.pid", "postmaster.opts"):
            (self.folder.postgres / stale).unlink(missing_ok=True)
        for stale in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (self.folder.sockets / stale).unlink(missing_ok=True)

    def wait_until_ready(self, started: subprocess.Popen[bytes] | None = None) -> None:
        """Wait until the server accepts connections, and create the database and the application's role if they are
        missing. EmbeddedPostgresError after START_TIMEOUT_S, or at once when the ``started`` process has died.
        """
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
            if connection.execute("select 1 from pg_roles where rolname = %s", [APPLICATION]).fetchone() is None:
                connection.execute(sql.SQL("create role {} login").format(sql.Identifier(APPLICATION)))

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
        """Of processes that start at the same time, such as tests, one starts the server and the others wait."""
        with (self.folder.path / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _end(process: psutil.Process, first: signal.Signals, *, timeout_s: float) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(first)
        try:
            process.wait(timeout_s)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(timeout_s)
