"""Folders that are disks of their own, so small that a test can fill them: tmpfs in a mount namespace, which ends with
the processes in it.
"""

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# What lies in the folder is carried over. Whoever is not root is root in a user namespace for as long as it takes to
# mount, since PostgreSQL refuses to run as root.
MOUNT = "cp --archive {folder} {folder}.kept && mount -t tmpfs -o size={mb}m weir {folder} && cp --archive {folder}.kept/. {folder}/ && rm -r {folder}.kept"  # noqa: E501  # one command line
BLOCK = 64 * 1024


def words(disks: Mapping[Path, int]) -> list[str]:
    """Before a command that is to see each folder as a disk of so many MiB."""
    mounted = [MOUNT.format(folder=shlex.quote(str(folder)), mb=mb) for folder, mb in disks.items()]
    if os.geteuid() == 0:
        return ["unshare", "--mount", "sh", "-c", " && ".join([*mounted, 'exec "$@"']), "sh"]
    again = f'exec unshare --user --map-user={os.geteuid()} --map-group={os.getegid()} "$@"'
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", " && ".join([*mounted, again]), "sh"]


def why_not(folder: Path) -> str:
    """Why this machine lets nobody mount a small disk; "" where it does."""
    folder.mkdir()
    try:
        ran = subprocess.run([*words({folder: 1}), "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError as missing:
        return str(missing)
    return ran.stderr.strip() if ran.returncode else ""


@contextmanager
def full(folder: Path, *, seen_by: int) -> Iterator[None]:
    """The disk at the folder, as the process sees it, has no room meanwhile."""
    ballast = Path(f"/proc/{seen_by}/root{folder}") / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            _fill(file.fileno())
        yield
    finally:
        ballast.unlink()


def _fill(descriptor: int) -> None:
    size, piece = 0, BLOCK * 64
    while piece >= BLOCK // 16:
        try:
            os.posix_fallocate(descriptor, size, piece)
        except OSError:
            piece //= 2
        else:
            size += piece
