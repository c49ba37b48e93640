"""Ids that are used once, whatever instant comes with them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection

from allocation.usage.engine.batches import Batch, batch_of, other_ids_of
from allocation.usage.engine.costing import CostedRecord
from allocation.usage.engine.senders import EarlierRecord, is_told_of, kept_apart
from allocation.usage.models import IDENTITY_TABLE, RECORD_TABLE, UsageIdentity
from allocation.usage.operations.records import EARLIER_COLUMNS, earlier_of

# Names that were there before: whether each is the other id of its record, and that record, None where it is gone.
_NamedBefore = Mapping[str, tuple[bool, EarlierRecord | None]]


def unknown(batch: Batch) -> Sequence[CostedRecord]:
    """The batch's records but for those told apart by id alone that an earlier one told of; one whose id a record of
    another sender has, of another call, is kept apart (ADR 46). Their names are remembered: call it inside the
    transaction that records usage, before the records are inserted. Whoever names one of them meanwhile waits for that
    transaction.
    """
    if not batch.names:
        return batch.records
    earlier = _remembered(batch)
    if not earlier:
        return batch.records
    return _without_known(batch, earlier)


def _remembered(batch: Batch) -> _NamedBefore:
    """Of the batch's names those that were there before. The others are remembered."""
    ids = {record.id for record in batch.names.values()}
    # In the order of the names, so that two batches that name the same calls wait for each other and never deadlock.
    names = sorted(batch.names)
    records = [batch.names[name] for name in names]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {IDENTITY_TABLE} (id, is_other_id, occurred_at, record_id)"  # noqa: S608  # our own table name
            " SELECT * FROM unnest(%s::uuid[], %s::bool[], %s::timestamptz[], %s::uuid[])"
            " ON CONFLICT (id) DO NOTHING RETURNING id",
            [
                names,
                [name not in ids for name in names],
                [record.event.occurred_at for record in records],
                [None if name in ids else record.id for name, record in zip(names, records, strict=True)],
            ],
        )
        known = set(names) - {row[0].hex for row in cursor.fetchall()}
        if not known:
            return {}
        # A statement of its own: it sees what the insert has waited for.
        cursor.execute(
            f"SELECT i.id, i.is_other_id, {EARLIER_COLUMNS} FROM {IDENTITY_TABLE} i LEFT JOIN {RECORD_TABLE} r"  # noqa: S608  # as above
            " ON r.id = COALESCE(i.record_id, i.id) AND r.occurred_at = i.occurred_at WHERE i.id = ANY(%s::uuid[])",
            [list(known)],
        )
        return {row[0].hex: (row[1], earlier_of(row[2:])) for row in cursor.fetchall()}


def _without_known(batch: Batch, earlier: _NamedBefore) -> list[CostedRecord]:
    remaining = batch.without_known(ids=_ids(earlier), known=earlier.keys())
    of_others = [record for record in batch.records if record.event.identity == "id" and _is_apart(record, earlier)]
    if not of_others:
        return remaining
    # One whose own id is free keeps it: only another name of it is another sender's.
    apart = {record.id: kept_apart(record) for record in of_others if record.id in earlier}
    own = batch_of(list(apart.values()))
    known = _remembered(own) if apart else {}
    _repoint(batch, earlier, apart)
    named_anew = own.without_known(ids=_ids(known), known=known.keys())
    free = [record for record in of_others if record.id not in earlier]
    return sorted((*remaining, *free, *named_anew), key=lambda record: record[:2])


def _ids(earlier: _NamedBefore) -> set[str]:
    return {name for name, (is_other_id, _) in earlier.items() if not is_other_id}


def _repoint(batch: Batch, earlier: _NamedBefore, apart: Mapping[str, CostedRecord]) -> None:
    """The names that the batch has just remembered are those of the records kept apart, not of what stands instead."""
    moved = {
        name: apart[record.id] for name, record in batch.names.items() if name not in earlier and record.id in apart
    }
    if moved:
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {IDENTITY_TABLE} i SET record_id = moved.record_id"  # noqa: S608  # as above
                " FROM unnest(%s::uuid[], %s::uuid[]) AS moved (id, record_id) WHERE i.id = moved.id",
                [list(moved), [record.id for record in moved.values()]],
            )


def _is_apart(record: CostedRecord, earlier: _NamedBefore) -> bool:
    """Whether what stands under its id, and under its other ids, is of other senders and tells of other calls."""
    own = earlier.get(record.id)
    others = [earlier[name] for name in other_ids_of(record) if name in earlier and not earlier[name][0]]
    named = [stands for _, stands in ([own] if own else []) + others]
    return bool(named) and not any(stands is None or is_told_of(stands, record) for stands in named)


def forget_identities(*, before: datetime) -> int:
    """Forgets names of records that occurred before then, and returns how many."""
    return UsageIdentity.objects.filter(occurred_at__lt=before).delete()[0]
