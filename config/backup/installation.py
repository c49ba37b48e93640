"""What a backup needs of the installation it is made of or restored into."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from django.conf import settings
from django.db import connections

from config.backup.archive import BackupError
from config.embedded import EmbeddedPostgres, EmbeddedPostgresError
from config.embedded.system_user import Say
from config.folders import DataFolder
from config.installation import AlreadyRunning, lock_folder


def weir_version() -> str:
    try:
        return version("weir")
    except PackageNotFoundError:
        return "checkout"


@contextmanager
def running_database(say: Say) -> Iterator[None]:
    """The embedded database runs; one that was not running is stopped again. BackupError when it does not come up."""
    folder: DataFolder = settings.DATA_FOLDER
    server = EmbeddedPostgres(folder)
    if not settings.DATABASE_IS_EMBEDDED or server.process() is not None:
        yield
        return
    try:
        folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock_folder(folder)
        server.start(say=say)
    except (EmbeddedPostgresError, AlreadyRunning) as problem:
        raise BackupError(str(problem)) from None
    try:
        yield
    finally:
        connections.close_all()
        server.stop()
