"""Inserting records that were not recorded before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import orjson
from django.db import connection

from allocation.usage.engine.costing import CostedRecord
from allocation.usage.engine.rows import COLUMNS, KINDS, copy_text, values_of
from allocation.usage.models import RECORD_TABLE

# Above it a temporary table costs less than reading JSON.
FEW = 100


def insert_records(batch: Sequence[CostedRecord], at: datetime) -> list[CostedRecord]:
    """Inserts the records, and returns those that were not recorded before."""
    if not batch:
        return []
    return _insert_few(batch, at) if len(batch) <= FEW else _insert_many(batch, at)


def _insert_few(batch: Sequence[CostedRecord], at: datetime) -> list[CostedRecord]:
    """By one statement: a temporary table takes four."""
    columns = ", ".join(COLUMNS)
    values = ", ".join(f"sent.{name}::{kind}" for name, kind in KINDS.items())
    fields = ", ".join(f"{name} text" for name in COLUMNS)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in values_of(copy_text(batch, at))]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {RECORD_TABLE} ({columns}) SELECT {values}"  # noqa: S608  # our own names
            f" FROM ROWS FROM (json_to_recordset(%s) AS ({fields})) WITH ORDINALITY AS sent ORDER BY sent.ordinality"
            " ON CONFLICT (id, occurred_at) DO NOTHING RETURNING id, occurred_at",
            [orjson.dumps(rows).decode()],
        )
        new = {(record_id.hex, occurred_at) for record_id, occurred_at in cursor.fetchall()}
    return [record for record in batch if (record.id, record.event.occurred_at) in new]


def _insert_many(batch: Sequence[CostedRecord], at: datetime) -> list[CostedRecord]:
    columns = ", ".join(COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS usage_staging ON COMMIT DELETE ROWS"  # noqa: S608  # our own names
            f" AS SELECT 0 AS position, {columns} FROM {RECORD_TABLE} WITH NO DATA"
        )
        # It holds rows only of an earlier batch of the same transaction.
        cursor.execute("DELETE FROM usage_staging")
        with cast("Any", cursor.cursor).copy(f"COPY usage_staging (position, {columns}) FROM STDIN") as copy:
            copy.write(copy_text(batch, at))
        cursor.execute(
            # Our own names only.
            f"""
            WITH new AS (
                INSERT INTO {RECORD_TABLE} ({columns}) SELECT {columns} FROM usage_staging ORDER BY position
                ON CONFLICT (id, occurred_at) DO NOTHING RETURNING id, occurred_at
            )
            SELECT position FROM usage_staging LEFT JOIN new USING (id, occurred_at) WHERE new.id IS NULL
            """  # noqa: S608  # our own names
        )
        duplicates = {row[0] for row in cursor.fetchall()}
    return (
        [record for position, record in enumerate(batch) if position not in duplicates] if duplicates else list(batch)
    )
