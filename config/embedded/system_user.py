"""PostgreSQL refuses to run as root: then it runs as a system user of its own, created when it is missing."""

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
    """Create the user unless it exists; of processes that start at the same time one creates it, the others wait.
    EmbeddedPostgresError when it cannot be created.
    """
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
    """Hold a lock on the folder of the user database, which all data folders of the machine share. A second useradd at
    the same time does not fail: it gives the user another id, and folders given to the first id have no owner.
    """
    folder = os.open(USER_DATABASE, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _make_system_user(say: Say) -> None:
    say(f"Running as root: PostgreSQL refuses that, so it gets its own system user, {SYSTEM_USER}.")
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise EmbeddedPostgresError(f"There is no useradd: create a system user {SYSTEM_USER}, or do not run as root.")
    made = subprocess.run(
        [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise EmbeddedPostgresError(f"The system user {SYSTEM_USER} could not be created: {made.stderr.strip()}")


def run_as_system_user(words: list[str], *, cwd: Path = Path("/")) -> subprocess.CompletedProcess[str]:
    """Run a command as the system user when root, else as the current user, in a clean environment."""
    run = partial(subprocess.run, words, capture_output=True, text=True, check=False, cwd=cwd, env=clean_environment())
    if os.geteuid() != 0:
        return run()
    group = pwd.getpwnam(SYSTEM_USER).pw_gid
    return run(user=SYSTEM_USER, group=group, extra_groups=[])


def give_to_system_user(path: Path) -> None:
    """As root, make the system user the owner of the path."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(SYSTEM_USER)
        os.chown(path, user.pw_uid, user.pw_gid)


def become_system_user() -> None:
    """As root, switch this process to the system user for good."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(SYSTEM_USER)
        os.initgroups(SYSTEM_USER, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)


def clean_environment() -> dict[str, str]:
    """An environment without the caller's variables: PostgreSQL would obey PGDATA, PGPORT and LD_LIBRARY_PATH."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
