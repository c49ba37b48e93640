"""Upgrade of a data folder that an older major version of PostgreSQL made, by `pg_upgrade`.

The old cluster is read and kept beside the new one; until the new one is whole, nothing has changed.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from config.databases import DATABASE, OWNER
from config.embedded.errors import EmbeddedPostgresError
from config.embedded.programs import MAJOR, RELEASES, binaries
from config.embedded.server import INITDB, EmbeddedPostgres
from config.embedded.system_user import Say, give_to_system_user, run_as_system_user

# Beside a copy of all files, pg_upgrade needs room for the catalogue of the new cluster.
ROOM = 1.1
PORT = "5432"
HEAD = "SELECT seq || ':' || hash FROM public.governance_decisionrecord ORDER BY seq DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Upgraded:
    """From which version, where its cluster is kept, and the head of the chain of decision records, "" without one."""

    major: str
    kept: Path
    head: str


def upgrade(server: EmbeddedPostgres, *, programs: Path | None, say: Say) -> Upgraded | None:
    """Upgrades the cluster of a folder on which nothing runs; None when it is of this version already. `programs`
    are those of the old version, where the wheel does not bring them. EmbeddedPostgresError when it fails: the
    folder is then as it was.
    """
    server.prepare_folders(say)
    _take_back(server, say)
    major, old = server.major(), server.folder.postgres
    if major is None:
        raise EmbeddedPostgresError(f"There is no database in {server.folder.path}.")
    if major == MAJOR:
        return None
    theirs = programs or _brought(server, major, say)
    _check_room(old)
    server.clear_leftovers()
    new = server.folder.path / "postgres.new"
    with _short_folder() as work:
        head = _head(theirs, old, work)
        _initialise(theirs, old, new, say)
        say(f"Copying from PostgreSQL {major} to {MAJOR}.")
        _pg_upgrade(theirs, old, new, work, say)
        ours = binaries(say)
        if (after := _head(ours, new, work)) != head:
            raise EmbeddedPostgresError(
                f"The chain of decision records would end at {after or 'nothing'}, not at {head}: nothing was changed."
            )
    kept = server.folder.path / f"postgres.{major}"
    old.rename(kept)
    new.rename(old)
    return Upgraded(major, kept, head)


def _take_back(server: EmbeddedPostgres, say: Say) -> None:
    """What was interrupted between the two renames is as it was before."""
    kept = server.kept_clusters()
    if server.major() is None and len(kept) == 1:
        (path,) = kept.values()
        say(f"An upgrade was interrupted: beginning again with {path}.")
        path.rename(server.folder.postgres)


def _brought(server: EmbeddedPostgres, major: str, say: Say) -> Path:
    if major not in RELEASES:
        raise EmbeddedPostgresError(server.other_version())
    return binaries(say, major)


def _check_room(old: Path) -> None:
    needed = sum(path.lstat().st_size for path in old.rglob("*") if not path.is_dir()) * ROOM
    free = shutil.disk_usage(old).free
    if free < needed:
        raise EmbeddedPostgresError(
            f"The upgrade copies {needed / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free: make room, or move the"
            " data folder. Nothing was changed."
        )


@contextmanager
def _short_folder() -> Iterator[Path]:
    """For sockets, whose path is bounded, and for what pg_upgrade writes where it runs."""
    work = Path(tempfile.mkdtemp(prefix="weir-upgrade-"))
    give_to_system_user(work)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _head(programs: Path, cluster: Path, work: Path) -> str:
    """By a server of that cluster's own, which so also ends what a kill had left half done."""
    log = work / "postgres.log"
    options = f"-c listen_addresses= -c unix_socket_directories={work} -c port={PORT} -c unix_socket_permissions=0700"
    control = [str(programs / "pg_ctl"), "-D", str(cluster), "-w", "-t", "600"]
    _run([*control, "-l", str(log), "-o", options, "start"], work, log)
    try:
        with psycopg.connect(f"host={work} port={PORT} user={OWNER} dbname={DATABASE}") as connection:
            is_there = connection.execute("SELECT to_regclass('public.governance_decisionrecord')").fetchone()
            row = connection.execute(HEAD).fetchone() if is_there != (None,) else None
            return "" if row is None else str(row[0])
    except psycopg.Error as problem:
        raise EmbeddedPostgresError(f"The database of {cluster} cannot be read: {problem}") from None
    finally:
        _run([*control, "-m", "fast", "stop"], work, log)


def _initialise(theirs: Path, old: Path, new: Path, say: Say) -> None:
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    give_to_system_user(new)
    control = _run([str(theirs / "pg_controldata"), str(old)], Path("/"), None)
    # A cluster that verifies its pages is copied into one that does, and the other way round.
    version = next(line.split()[-1] for line in control.splitlines() if line.startswith("Data page checksum version"))
    sums = "--no-data-checksums" if version == "0" else "--data-checksums"
    _run([str(binaries(say) / "initdb"), *INITDB, sums, "-U", OWNER, "-D", str(new)], Path("/"), None)


def _pg_upgrade(theirs: Path, old: Path, new: Path, work: Path, say: Say) -> None:
    ours = binaries(say)
    words = ["-b", str(theirs), "-B", str(ours), "-d", str(old), "-D", str(new), "-U", OWNER, "-s", str(work)]
    _run([str(ours / "pg_upgrade"), *words], work, None)


def _run(words: list[str], cwd: Path, log: Path | None) -> str:
    """What it printed. EmbeddedPostgresError, with the end of what it said, when it fails."""
    done = run_as_system_user(words, cwd=cwd)
    if done.returncode != 0:
        logged = log.read_text(errors="replace") if log is not None and log.exists() else ""
        lines = f"{done.stdout}\n{done.stderr}\n{logged}".splitlines()
        end = " | ".join([line.strip() for line in lines if line.strip()][-8:])
        raise EmbeddedPostgresError(f"{Path(words[0]).name} failed, and the folder is as it was: {end}")
    return done.stdout
