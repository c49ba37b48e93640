"""Ids that are used once, whatever instant comes with them."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from allocation.usage.engine.batches import Batch
from allocation.usage.engine.costing import CostedRecord
from allocation.usage.models import IDENTITY_TABLE, UsageIdentity


def unknown(batch: Batch) -> Sequence[CostedRecord]:
    """The batch's records but for those whose unique id is known from an earlier one. What is new is remembered: call
    it inside the transaction that records usage, before the records are inserted. Whoever sends the same id meanwhile
    waits for that transaction.
    """
    unique = [record for record in batch.records if record.id in batch.unique_ids]
    if not unique:
        return batch.records
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {IDENTITY_TABLE} (id, occurred_at)"  # noqa: S608  # our own table name
            " SELECT * FROM unnest(%s::uuid[], %s::timestamptz[]) ON CONFLICT (id) DO NOTHING RETURNING id",
            [[record.id for record in unique], [record.event.occurred_at for record in unique]],
        )
        new = {row[0].hex for row in cursor.fetchall()}
    return [record for record in batch.records if record.id not in batch.unique_ids or record.id in new]


def forget_identities(*, before: datetime) -> int:
    """Forgets ids first used before then, and returns how many."""
    return UsageIdentity.objects.filter(occurred_at__lt=before).delete()[0]
