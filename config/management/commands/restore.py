"""`weir restore FILE`: a backup into a new folder or an empty database, verified."""

import sys
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from tqdm import tqdm

from config.backup import archive, dumps
from config.backup.installation import running_database
from config.roles import as_owner, grant_application
from governance.messages.models import Channel
from governance.messages.operations import channel_secrets
from governance.records.engine import Head
from governance.records.queries import verify_chain


class Command(BaseCommand):
    help = "Restore a backup into a new data folder (--data-dir) or an empty database, and verify it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="what `weir backup` wrote")

    def say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()

    def handle(self, *, file: Path, **_options: object) -> None:
        dumped = settings.DATA_FOLDER.path / "restore.dump"
        try:
            manifest = archive.read_manifest(file)
            _check_known(manifest)
            with running_database(self.say), as_owner():
                _check_empty(manifest)
                dumped.unlink(missing_ok=True)
                archive.unpack_database(file, dumped)
                self.stdout.write(f"Restoring what was written on {manifest.made_at}.")
                with tqdm(unit=" tables", leave=False, disable=not sys.stderr.isatty()) as bar:
                    dumps.load(dumped, say=self.say, progress=lambda _table: bar.update())
                self._verify(manifest)
                # Rights are not in a backup, since roles are another server's.
                grant_application()
        except archive.BackupError as problem:
            raise CommandError(str(problem)) from None
        finally:
            dumped.unlink(missing_ok=True)
        self.stdout.write("Start it with `weir up`.")

    def _verify(self, manifest: archive.Manifest) -> None:
        """CommandError where the chain is not the one that was written, or a secret does not open."""
        check = verify_chain(expected=Head.parse(manifest.head) if manifest.head else None)
        if check.broken is not None or str(check.head or "") != manifest.head:
            raise CommandError(f"The decision records are not those that were written: {check.broken or check.head}.")
        opened = 0
        for channel in Channel.objects.exclude(sealed_secrets=b""):
            try:
                channel_secrets(channel)
            except Exception:  # noqa: BLE001  # whatever the error, the operator must know
                raise CommandError(f"The backup's keys do not open the secret of channel {channel}.") from None
            opened += 1
        if opened != manifest.channels:
            raise CommandError(f"{opened} channels have secrets, {manifest.channels} were written.")
        self.stdout.write(
            f"{check.records} decision records hold; head {check.head or 'none yet'}, as it was written. {opened}"
            " channel secret(s) open."
        )


def _check_known(manifest: archive.Manifest) -> None:
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    later = [f"{app}.{name}" for app, name in manifest.migrations.items() if (app, name) not in known]
    if later:
        raise archive.BackupError(
            f"The backup was made by a later version of Weir ({manifest.weir}; {', '.join(later)} is not known here):"
            " restore it with that version."
        )


def _check_empty(manifest: archive.Manifest) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), current_setting('server_version_num')::int / 10000 FROM pg_class"
            " WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        )
        tables, postgresql = cursor.fetchone()
    if tables:
        raise archive.BackupError("The database is not empty: restore into a new folder (--data-dir) or database.")
    if postgresql < manifest.postgresql:
        raise archive.BackupError(
            f"The backup is of PostgreSQL {manifest.postgresql}, the database of version {postgresql}: restore into one"
            " that is as new."
        )
