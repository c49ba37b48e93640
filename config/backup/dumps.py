"""`pg_dump` and `pg_restore` of the embedded PostgreSQL's wheel, on whichever database is set."""

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from django.db import connection
from psycopg.conninfo import make_conninfo

from config.backup.archive import BackupError
from config.embedded.programs import MAJOR, binaries
from config.embedded.system_user import Say

# What psycopg takes beside what libpq does.
NOT_LIBPQ = {"client_encoding", "context", "cursor_factory", "fallback_application_name", "pool", "prepare_threshold"}
TABLE = re.compile(r"(?:dumping contents of|processing data for) table \"?([\w.]+)")
PROBLEM_LINES = 5
Progress = Callable[[str], object]


def check_readable(postgresql: int) -> None:
    """BackupError for a server of a major version that the wheel's programs are too old for."""
    if postgresql > int(MAJOR):
        raise BackupError(
            f"The database is of PostgreSQL {postgresql}; the programs that this Weir brings are of version {MAJOR},"
            " which cannot read it. Nothing was written: use that server's own pg_dump, and keep the keys with it."
        )


def dump(to: Path, *, snapshot: str, say: Say, progress: Progress) -> None:
    """Writes the database, as the exported snapshot shows it, to the file; `progress` is told each table. BackupError
    when it fails.
    """
    words = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={to}"]
    _run("pg_dump", words, say, progress)


def load(dumped: Path, *, say: Say, progress: Progress) -> None:
    """Restores the dump into the empty database, all of it or nothing. BackupError when it fails."""
    words = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    _run("pg_restore", [*words, str(dumped)], say, progress)


def _run(program: str, words: list[str], say: Say, progress: Progress) -> None:
    conninfo, secret = _conninfo()
    command = [str(binaries(say) / program), "--verbose", "--no-password", f"--dbname={conninfo}", *words]
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", **secret}
    last: list[str] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, errors="replace") as running:
        assert running.stderr is not None  # noqa: S101  # asked for above
        try:
            for line in running.stderr:
                last = [*last[1 - PROBLEM_LINES :], line.strip()]
                if told := TABLE.search(line):
                    progress(told[1])
        except BaseException:
            running.terminate()
            raise
    if running.returncode != 0:
        raise BackupError(f"{program} ended {running.returncode}: {' | '.join(last)}")


def _conninfo() -> tuple[str, Mapping[str, str]]:
    """The password goes by the environment: everybody sees command lines."""
    params = {name: value for name, value in connection.get_connection_params().items() if name not in NOT_LIBPQ}
    password = params.pop("password", None)
    environment = {name: value for name, value in os.environ.items() if name.startswith("PG")}
    return make_conninfo("", **params), environment | ({"PGPASSWORD": str(password)} if password else {})
