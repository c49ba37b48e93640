"""Ids that are used once, whatever instant comes with them."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from allocation.usage.engine.batches import Batch
from allocation.usage.engine.costing import CostedRecord
from allocation.usage.models import IDENTITY_TABLE, UsageIdentity


def unknown(batch: Batch) -> Sequence[CostedRecord]:
    """The batch's records but for those told apart by id alone that an earlier one told of. Their names are remembered:
    call it inside the transaction that records usage, before the records are inserted. Whoever names one of them
    meanwhile waits for that transaction.
    """
    if not batch.names:
        return batch.records
    ids = {record.id for record in batch.names.values()}
    # In the order of the names, so that two batches that name the same calls wait for each other and never deadlock.
    names = sorted(batch.names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {IDENTITY_TABLE} (id, is_other_id, occurred_at)"  # noqa: S608  # our own table name
            " SELECT * FROM unnest(%s::uuid[], %s::bool[], %s::timestamptz[])"
            " ON CONFLICT (id) DO NOTHING RETURNING id",
            [names, [name not in ids for name in names], [batch.names[name].event.occurred_at for name in names]],
        )
        known = set(names) - {row[0].hex for row in cursor.fetchall()}
        known_ids: set[str] = set()
        if known:
            # A statement of its own: it sees what the insert has waited for.
            cursor.execute(
                f"SELECT id FROM {IDENTITY_TABLE} WHERE id = ANY(%s::uuid[]) AND NOT is_other_id",  # noqa: S608  # as above
                [list(known)],
            )
            known_ids = {row[0].hex for row in cursor.fetchall()}
    return batch.without_known(ids=known_ids, known=known)


def forget_identities(*, before: datetime) -> int:
    """Forgets names of records that occurred before then, and returns how many."""
    return UsageIdentity.objects.filter(occurred_at__lt=before).delete()[0]
