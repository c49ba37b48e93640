"""Where an installation keeps its files: the data folder and what lies in it."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SYSTEM_FOLDER = Path("/var/lib/weir")
# sockaddr_un holds 107 bytes on Linux and 103 on macOS; the socket's own name takes the rest.
LONGEST_SOCKET_FOLDER = 103 - len("/.s.PGSQL.5432.lock")


@dataclass(frozen=True)
class DataFolder:
    """The folder of one installation. Only paths; nothing is created here."""

    path: Path

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def sockets(self) -> Path:
        """A socket's path is limited to about a hundred bytes, so a deep data folder gets its sockets elsewhere."""
        inside = self.path / "run"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER:
            return inside
        return Path(tempfile.gettempdir()) / f"weir-{os.geteuid()}-{_digest(self.path)}"

    @property
    def logs(self) -> Path:
        return self.path / "log"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @property
    def static(self) -> Path:
        return self.path / "static"

    @property
    def mail(self) -> Path:
        """Where messages are written as files while no SMTP server is named."""
        return self.path / "mail"


def data_folder(chosen: str = "") -> DataFolder:
    """The chosen folder; without one `.weir/` beside the code, unless only root can reach that.

    PostgreSQL refuses to run as root and another user's PostgreSQL cannot enter a private home folder.
    Opening that folder to everybody is not ours to do, so root's default then lies under /var/lib/weir.
    """
    if chosen:
        return DataFolder(Path(chosen).expanduser().absolute())
    beside = PROJECT / ".weir"
    if os.geteuid() != 0 or not private_parents(beside):
        return DataFolder(beside)
    return DataFolder(SYSTEM_FOLDER / f"{PROJECT.name}-{_digest(PROJECT)}")


def private_parents(path: Path) -> list[Path]:
    """The existing folders above (and at) the path that other users may not pass through."""
    return [folder for folder in path.absolute().parents if folder.exists() and not folder.stat().st_mode & 0o001]


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
