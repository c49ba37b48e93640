"""`weir backup FILE`: the database and the keys of its secrets in one file."""

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError
from django.core.management.base import BaseCommand
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from tqdm import tqdm

from config.backup import archive, dumps
from config.backup.installation import running_database, weir_version
from config.roles import as_owner
from governance.messages.models import Channel
from governance.messages.operations import channel_secrets
from governance.records.queries import chain_head

TABLES = """
SELECT count(*) FROM pg_class
WHERE relkind = 'r' AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
"""


class Command(BaseCommand):
    help = "Write the database and the keys of its secrets to one file, while everything runs."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="is made, readable by its owner only; never written over")

    def say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()

    def handle(self, *, file: Path, **_options: object) -> None:
        if file.exists():
            raise CommandError(f"{file} is there already; a backup is never written over another.")
        if settings.SECRET_KEY_IS_MADE_UP or not settings.WEIR_SECRET_KEYS:
            raise CommandError("The keys are not known here: set WEIR_SECRET_KEY and WEIR_SECRET_KEYS, or --data-dir.")
        draft = file.with_name(f"{file.name}.dump")
        try:
            with running_database(self.say), as_owner(), _closed_file(draft):
                manifest = self._write(file, draft)
        except archive.BackupError as problem:
            raise CommandError(str(problem)) from None
        except OSError as problem:
            raise CommandError(f"{file} cannot be written: {problem.strerror}.") from None
        self.stdout.write(
            f"{file} holds {file.stat().st_size / 1e6:,.1f} MB: head {manifest.head or 'none yet'}, {manifest.channels}"
            " channel(s) with secrets. It holds the keys too: keep it as you keep them. Try it: `weir restore` into a"
            " new folder."
        )

    def _write(self, file: Path, draft: Path) -> archive.Manifest:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT pg_export_snapshot(), current_setting('server_version_num')::int / 10000")
            snapshot, postgresql = cursor.fetchone()
            dumps.check_readable(postgresql)
            cursor.execute(TABLES)
            (tables,) = cursor.fetchone()
            head = str(chain_head() or "")
            migrations = dict(sorted(_last_migrations().items()))
            channels = list(Channel.objects.exclude(sealed_secrets=b""))
            self.stdout.write(f"Writing {tables} tables of PostgreSQL {postgresql}.")
            with tqdm(total=tables, unit=" tables", leave=False, disable=not sys.stderr.isatty()) as bar:
                dumps.dump(draft, snapshot=snapshot, say=self.say, progress=lambda _table: bar.update())
        for channel in channels:
            _check_opens(channel)
        keys = {"secret_key": settings.SECRET_KEY, "secret_keys": settings.WEIR_SECRET_KEYS}
        return archive.write(
            file,
            dump=draft,
            secrets=json.dumps(keys, indent=1).encode(),
            manifest=lambda digests: archive.Manifest(
                made_at=timezone.now().isoformat(timespec="seconds"),
                weir=weir_version(),
                postgresql=postgresql,
                migrations=migrations,
                head=head,
                channels=len(channels),
                digests=digests,
            ),
        )


def _last_migrations() -> dict[str, str]:
    """The last applied of each app."""
    return dict(sorted(MigrationRecorder(connection).applied_migrations()))


def _check_opens(channel: Channel) -> None:
    try:
        channel_secrets(channel)
    except Exception:  # noqa: BLE001  # whatever the error, the backup would not be whole
        raise archive.BackupError(
            f"The keys that are set do not open the secret of channel {channel}: apply it again, or set its key."
        ) from None


@contextmanager
def _closed_file(path: Path) -> Iterator[None]:
    """An empty file that only its owner reads, gone afterwards."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, archive.OWNER_ONLY))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
