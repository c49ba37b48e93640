"""The data folder of an installation and the paths in it."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SYSTEM_FOLDER = Path("/var/lib/weir")
# sockaddr_un holds 107 bytes on Linux and 103 on macOS, which the socket's name is part of.
LONGEST_SOCKET_FOLDER = 103 - len("/.s.PGSQL.5432.lock")


@dataclass(frozen=True)
class DataFolder:
    """The folder of one installation. Only paths: nothing is created."""

    path: Path

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def sockets(self) -> Path:
        """Inside the data folder, or in the temporary folder when the path would be too long for a socket."""
        inside = self.path / "run"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER:
            return inside
        return Path(tempfile.gettempdir()) / f"weir-{os.geteuid()}-{_digest(self.path)}"

    @property
    def web_socket(self) -> Path:
        """Where the web processes listen, behind the front."""
        return self.sockets / "web.sock"

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
        """Mail as files, while no SMTP server is set."""
        return self.path / "mail"


def data_folder(chosen: str = "") -> DataFolder:
    """The chosen folder; by default `.weir/` beside the code, or a folder under /var/lib/weir when only root can reach
    that: PostgreSQL refuses to run as root, its system user cannot enter a private home folder, and opening such a
    folder to everybody is not for Weir to do.
    """
    if chosen:
        return DataFolder(Path(chosen).expanduser().absolute())
    beside = PROJECT / ".weir"
    if os.geteuid() != 0 or not private_parents(beside):
        return DataFolder(beside)
    return DataFolder(SYSTEM_FOLDER / f"{PROJECT.name}-{_digest(PROJECT)}")


def private_parents(path: Path) -> list[Path]:
    """The existing parent folders of the path that other users may not enter."""
    return [folder for folder in path.absolute().parents if folder.exists() and not folder.stat().st_mode & 0o001]


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
