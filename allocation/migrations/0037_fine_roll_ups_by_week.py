"""Roll-ups by minute and hour become tables partitioned by week, so that old weeks leave as whole tables.

Safe while Weir runs: what takes long (the check that old rows lie before a date, an index) locks nobody out, and the old
table is then attached as it stands, without being read, as the partition of all that is before that date, two to three
weeks ahead. It is dropped when its last week is. A lock that is not had within five seconds ends the migration; what was
done stays right, and `migrate` goes on from there. In place of a B-tree of ids stands a BRIN index, and the foreign key
is that of the days alone, which are written in the same statement.
"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLES = {"allocation_usageminute": "usage_minute_once", "allocation_usagehour": "usage_hour_once"}
KEY = "bucket, scope_id, provider, model, activity"
STORED = "fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05"
IS_PARTITIONED = "SELECT relkind = 'p' FROM pg_class WHERE oid = %s::regclass"
# A Monday, beyond all that comes in while this runs.
BOUNDARY = """
    SELECT date_trunc('week', greatest(now(), (SELECT max(bucket) FROM {table})), 'UTC') + interval '21 days',
        (SELECT coalesce(max(id), 0) + 1 FROM {table})
"""


def partition(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with schema_editor.connection.cursor() as cursor:
        for table, once in TABLES.items():
            cursor.execute(IS_PARTITIONED, [table])
            if not cursor.fetchone()[0]:
                _partition(cursor, table, once)


def _partition(cursor: Any, table: str, once: str) -> None:
    before = f"{table}_before"
    cursor.execute(f"SELECT EXISTS (SELECT FROM {table})")
    is_used = cursor.fetchone()[0]
    if is_used:
        cursor.execute(BOUNDARY.format(table=table))
        boundary = cursor.fetchone()[0]
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {before}")
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {before} CHECK (bucket < '{boundary}') NOT VALID")
        cursor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {before}")
        cursor.execute(f"DROP INDEX IF EXISTS {before}_id")
        cursor.execute(f"CREATE INDEX CONCURRENTLY {before}_id ON {table} USING brin (id) WITH (autosummarize = on)")
    with transaction.atomic():
        cursor.execute("SET LOCAL lock_timeout = '5s'")
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(BOUNDARY.format(table=table))
        first_id = cursor.fetchone()[1]
        cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'", [table])
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for statement in (
            f"ALTER TABLE {table} ALTER COLUMN id DROP IDENTITY",
            f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey",
            f"ALTER TABLE {table} RENAME CONSTRAINT {once} TO {before}_once",
            f"ALTER TABLE {table} RENAME TO {before}",
            f"CREATE TABLE {table} (LIKE {before}) PARTITION BY RANGE (bucket)",
            f"CREATE SEQUENCE {table}_id_seq OWNED BY {table}.id START {first_id}",
            f"ALTER TABLE {table} ALTER COLUMN id SET DEFAULT nextval('{table}_id_seq')",
            f"ALTER TABLE {table} ADD CONSTRAINT {once} UNIQUE ({KEY})",
            f"CREATE INDEX {table}_id ON {table} USING brin (id) WITH (autosummarize = on)",
            f"CREATE TABLE {table}_rest PARTITION OF {table} DEFAULT WITH ({STORED})",
            f"ALTER TABLE {before} RENAME TO {table}_before_{boundary:%Y_%m_%d}" if is_used else f"DROP TABLE {before}",
        ):
            cursor.execute(statement)
        if is_used:
            cursor.execute(
                f"ALTER TABLE {table} ATTACH PARTITION {table}_before_{boundary:%Y_%m_%d}"
                f" FOR VALUES FROM (MINVALUE) TO ('{boundary}')"
            )


def of_fine(name: str) -> migrations.AlterField:
    field = models.ForeignKey(
        db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+",
        to="governance.scope",
    )
    return migrations.AlterField(model_name=name, name="scope", field=field)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("allocation", "0036_journal_uncompressed")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(partition, migrations.RunPython.noop)],
            state_operations=[of_fine("usageminute"), of_fine("usagehour")],
        )
    ]
