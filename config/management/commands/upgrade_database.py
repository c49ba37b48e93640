"""`weir upgrade-database`: the embedded database of an older major version of PostgreSQL becomes one of this one."""

from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand

from config.embedded import EmbeddedPostgres, EmbeddedPostgresError
from config.embedded.programs import MAJOR
from config.embedded.upgrading import upgrade
from config.folders import DataFolder
from config.installation import AlreadyRunning, lock_folder


class Command(BaseCommand):
    help = "Upgrade the embedded database of a stopped Weir from an older major version of PostgreSQL."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--programs", type=Path, help="folder of the older PostgreSQL's own programs, where the wheel brings none"
        )

    def say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()

    def handle(self, *, programs: Path | None, **_options: object) -> None:
        folder: DataFolder = settings.DATA_FOLDER
        if not settings.DATABASE_IS_EMBEDDED:
            raise CommandError("DATABASE_URL names a PostgreSQL of your own: upgrade it as its makers say.")
        if not folder.path.is_dir():
            raise CommandError(f"There is no data folder {folder.path}.")
        try:
            lock_folder(folder)
            upgraded = upgrade(EmbeddedPostgres(folder), programs=programs, say=self.say)
        except (AlreadyRunning, EmbeddedPostgresError) as problem:
            raise CommandError(str(problem)) from None
        if upgraded is None:
            self.stdout.write(f"The database is of PostgreSQL {MAJOR} already: nothing is to be done.")
            return
        self.stdout.write(
            f"The database is of PostgreSQL {MAJOR} now; its chain of decision records ends at"
            f" {upgraded.head or 'nothing'}, as before. The former one is kept in {upgraded.kept}: remove it when you"
            " are content. Start with `weir up`."
        )
