"""The key of raw usage begins with the instant instead of a digest. What comes in together then lies on few pages of the
index, and the list of what is newest reads the key backwards, without an index of its own.

Safe while Weir runs: the indexes are built CONCURRENTLY month by month, which takes some seconds per million records, and
then put in place of the old ones in one short transaction. A lock that is not had within five seconds ends the migration;
what was done stays right, and `migrate` goes on from there. Usage is told apart by the same two columns before and after.
"""

from collections.abc import Sequence
from typing import Any

from django.db import migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

WHOLE = "allocation_usagerecord"
PARTS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1"
IS_DONE = "SELECT pg_get_indexdef(%s::regclass) LIKE '%%(occurred_at, id)%%'"
IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


def begin_with_the_instant(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(IS_DONE, [f"{WHOLE}_pkey"])
        if cursor.fetchone()[0]:
            return
        for part in _parts(cursor):
            _index(cursor, part, "CONCURRENTLY")
        with transaction.atomic():
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            cursor.execute(f"LOCK TABLE {WHOLE} IN ACCESS EXCLUSIVE MODE")
            parts = _parts(cursor)
            for part in parts:
                # A month that was made meanwhile.
                _index(cursor, part, "")
            cursor.execute(f"ALTER TABLE {WHOLE} DROP CONSTRAINT {WHOLE}_pkey")
            for part in parts:
                cursor.execute(
                    f"ALTER TABLE {part} ADD CONSTRAINT {part}_pkey PRIMARY KEY USING INDEX {part}_by_instant"
                )
            cursor.execute(f"ALTER TABLE {WHOLE} ADD CONSTRAINT {WHOLE}_pkey PRIMARY KEY (occurred_at, id)")
            cursor.execute("DROP INDEX usage_newest")


def _parts(cursor: Any) -> Sequence[str]:
    cursor.execute(PARTS, [WHOLE])
    return [row[0] for row in cursor.fetchall()]


def _index(cursor: Any, part: str, how: str) -> None:
    cursor.execute(IS_VALID, [f"{part}_by_instant"])
    known = cursor.fetchone()
    if known is None or not known[0]:
        # One that is not valid was being built when an earlier attempt ended.
        cursor.execute(f"DROP INDEX IF EXISTS {part}_by_instant")
        cursor.execute(f"CREATE UNIQUE INDEX {how} {part}_by_instant ON {part} (occurred_at, id)")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("allocation", "0038_months_of_charges")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(begin_with_the_instant, migrations.RunPython.noop)],
            state_operations=[migrations.RemoveIndex(model_name="usagerecord", name="usage_newest")],
        )
    ]
