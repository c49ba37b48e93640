"""PostgreSQL refuses to be root: for root it runs as a system user of its own, made when it is missing."""

import fcntl
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from config.embedded.errors import EmbeddedPostgresError

SYSTEM_USER = "pgserver"
USER_DATABASE = "/etc"

Say = Callable[[str], None]


def ensure_system_user(say: Say) -> None:
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


def run_as_system_user(words: list[str]) -> subprocess.CompletedProcess[str]:
    run = partial(subprocess.run, words, capture_output=True, text=True, check=False, cwd="/", env=clean_environment())
    if os.geteuid() != 0:
        return run()
    group = pwd.getpwnam(SYSTEM_USER).pw_gid
    return run(user=SYSTEM_USER, group=group, extra_groups=[])


def hand_over(path: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam(SYSTEM_USER)
        os.chown(path, user.pw_uid, user.pw_gid)


def become_system_user() -> None:
    """For the rest of this process; without being root it stays who it is."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(SYSTEM_USER)
        os.initgroups(SYSTEM_USER, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)


def clean_environment() -> dict[str, str]:
    """Nothing of the caller's: PGDATA, PGPORT and LD_LIBRARY_PATH would all be obeyed."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
