"""Inserting records that were not recorded before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from django.db import connection

from allocation.usage.engine.costing import CostedRecord
from allocation.usage.engine.rows import COLUMNS, copy_text
from allocation.usage.models import RECORD_TABLE


def insert_records(batch: Sequence[CostedRecord], at: datetime) -> list[CostedRecord]:
    """The records that were not recorded before."""
    if not batch:
        return []
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
