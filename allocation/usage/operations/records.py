"""Inserting records that were not recorded before."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import orjson
from django.db import connection, transaction
from psycopg.errors import UniqueViolation

from allocation.meters.engine.months import Month
from allocation.usage.engine.costing import CostedRecord
from allocation.usage.engine.rows import COLUMNS, KINDS, copy_text, values_of
from allocation.usage.engine.senders import EarlierRecord, is_told_of, kept_apart
from allocation.usage.models import RECORD_TABLE
from governance.statements.operations import Message, one_message

# Above it COPY costs less than reading JSON.
FEW = 100
# Of the record that stands, `r`, in the order of a EarlierRecord.
EARLIER_COLUMNS = (
    "r.sender, r.provider, r.model, r.price_source, r.cost, r.requests, r.input_tokens, r.output_tokens, r.gpu_seconds,"
    " r.quantities::text"
)
_INSERT_FEW = (
    f"INSERT INTO {RECORD_TABLE} ({', '.join(COLUMNS)})"  # noqa: S608  # our own names
    f" SELECT {', '.join(f'sent.{name}::{kind}' for name, kind in KINDS.items())}"
    f" FROM ROWS FROM (json_to_recordset(%s::json) AS ({', '.join(f'{name} text' for name in COLUMNS)}))"
    " WITH ORDINALITY AS sent ORDER BY sent.ordinality"
    " ON CONFLICT (id, occurred_at) DO NOTHING RETURNING id, occurred_at"
)


def insert_records(batch: Sequence[CostedRecord], at: datetime) -> list[CostedRecord]:
    """Inserts the records, and returns those that were not recorded before."""
    if not batch:
        return []
    if len(batch) > FEW:
        return _insert_many(_by_month(batch), at)
    with one_message() as message:
        new = _ask_to_insert_few(message, batch, at)
    return new()


def told_apart(repeated: Sequence[CostedRecord]) -> list[CostedRecord]:
    """Of records that were there before, those of other calls than what another sender's record with their identity
    tells of: under identities of their own. One statement, over the repeats alone.
    """
    sent = [record for record in repeated if record.sender and not record.is_apart]
    if not sent:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.id, r.occurred_at, {EARLIER_COLUMNS}"  # noqa: S608  # our own names
            " FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[]) AS sent (id, occurred_at, sender)"
            f" JOIN {RECORD_TABLE} r ON r.id = sent.id AND r.occurred_at = sent.occurred_at"
            " WHERE r.sender NOT IN ('', sent.sender)",
            [
                [record.id for record in sent],
                [record.event.occurred_at for record in sent],
                [record.sender for record in sent],
            ],
        )
        earlier = {(row[0].hex, row[1]): earlier_of(row[2:]) for row in cursor.fetchall()}
    return [
        kept_apart(record)
        for record in sent
        if (stands := earlier.get((record.id, record.event.occurred_at))) is not None and not is_told_of(stands, record)
    ]


def earlier_of(row: Sequence[Any]) -> EarlierRecord | None:
    """The record of EARLIER_COLUMNS; None where there is none."""
    *figures, quantities = row
    return None if figures[0] is None else EarlierRecord._make((*figures, json.loads(quantities)))


def ask_to_insert(
    message: Message, batch: Sequence[CostedRecord], at: datetime
) -> Callable[[], list[CostedRecord]] | None:
    """As `insert_records`, by a message that asks other things too: what is returned tells when it is answered. None,
    and nothing asked, for none and for more than FEW.
    """
    return _ask_to_insert_few(message, batch, at) if 0 < len(batch) <= FEW else None


def _ask_to_insert_few(
    message: Message, batch: Sequence[CostedRecord], at: datetime
) -> Callable[[], list[CostedRecord]]:
    """By one statement: a temporary table takes four, a copy and its savepoint three."""
    batch = _by_month(batch)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in values_of(copy_text(batch, at))]
    keys = message.ask(_INSERT_FEW, [orjson.dumps(rows).decode()])
    return lambda: _with_keys(batch, keys.rows())


class _Repeats:
    """Whether the last large batch of this process had records that were there before: senders that repeat themselves
    do it again.
    """

    def __init__(self) -> None:
        self.expected = False


_repeats = _Repeats()


def _insert_many(batch: Sequence[CostedRecord], at: datetime) -> list[CostedRecord]:
    text = copy_text(batch, at)
    if not _repeats.expected and _copied(text):
        return list(batch)
    new = _insert_unknown(batch, text)
    _repeats.expected = len(new) < len(batch)
    return new


def _by_month(batch: Sequence[CostedRecord]) -> Sequence[CostedRecord]:
    """In the order of partitions, then of identities. COPY fills one partition after the other, so that two batches
    with the same records wait for each other and never deadlock, however they are inserted.
    """
    months = {_month(min(record.at_s for record in batch)), _month(max(record.at_s for record in batch))}
    return batch if len(months) == 1 else sorted(batch, key=lambda record: _month(record.at_s))


def _month(at_s: float) -> Month:
    return Month.of(datetime.fromtimestamp(at_s, UTC).date())


def _copied(text: str) -> bool:
    """Copies the records; False, with none copied, when one of them was there before."""
    try:
        with (
            transaction.atomic(),
            connection.cursor() as cursor,
            cast("Any", cursor.cursor).copy(f"COPY {RECORD_TABLE} ({', '.join(COLUMNS)}) FROM STDIN") as copy,
        ):
            copy.write(text)
    except UniqueViolation:
        return False
    return True


def _insert_unknown(batch: Sequence[CostedRecord], text: str) -> list[CostedRecord]:
    """Through a temporary table, which tells what is new: twice what copying costs PostgreSQL."""
    columns = ", ".join(COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS usage_staging ON COMMIT DELETE ROWS"  # noqa: S608  # our own names
            f" AS SELECT {columns} FROM {RECORD_TABLE} WITH NO DATA"
        )
        # It holds rows only of an earlier batch of the same transaction.
        cursor.execute("DELETE FROM usage_staging")
        with cast("Any", cursor.cursor).copy(f"COPY usage_staging ({columns}) FROM STDIN") as copy:
            copy.write(text)
        # In the order in which they were copied.
        cursor.execute(
            f"INSERT INTO {RECORD_TABLE} ({columns}) SELECT {columns} FROM usage_staging ORDER BY ctid"  # noqa: S608  # our own names
            " ON CONFLICT (id, occurred_at) DO NOTHING RETURNING id, occurred_at"
        )
        return _with_keys(batch, cursor.fetchall())


def _with_keys(batch: Sequence[CostedRecord], keys: Iterable[tuple[UUID, datetime]]) -> list[CostedRecord]:
    wanted = {(record_id.hex, occurred_at) for record_id, occurred_at in keys}
    return [record for record in batch if (record.id, record.event.occurred_at) in wanted]
