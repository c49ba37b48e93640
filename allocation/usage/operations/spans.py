"""Spans of one call that come in several requests: they count once, whichever comes first."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from allocation.usage.engine.costing import CostedRecord
from allocation.usage.engine.traced_calls import CallSpan, KnownSpan, TracedCalls, digest, judged
from allocation.usage.models import SPAN_TABLE, TracedSpan
from governance.work.engine.locks import SPANS_LOCK
from governance.work.operations import hold

ID_MAX = 2**31
NANOSECONDS_MAX = 2**63 - 1
COLUMNS = (
    "root_id", "id", "parent", "answer", "likeness", "instrumentation", "started_ns", "ended_ns", "told", "repeats",
    "counts", "counted_by", "is_due", "record_id", "occurred_at",
)  # fmt: skip
_TYPES = (
    "bigint", "uuid", "uuid", "uuid", "uuid", "text", "bigint", "bigint", "text", "uuid", "bool", "uuid", "bool",
    "uuid", "timestamptz",
)  # fmt: skip
_READ = "s.id, s.parent, s.started_ns, s.ended_ns, s.told, s.repeats, s.counts, s.counted_by"
# Above and below the request's spans, with the same answer, and around or inside in time.
_LOOK_UP = f"""
WITH RECURSIVE above AS (
    SELECT s.id, s.parent FROM {SPAN_TABLE} s WHERE s.root_id = %(root)s AND s.id = ANY(%(above)s::uuid[])
    UNION SELECT s.id, s.parent FROM above JOIN {SPAN_TABLE} s ON s.root_id = %(root)s AND s.id = above.parent
), below AS (
    SELECT s.id FROM {SPAN_TABLE} s WHERE s.root_id = %(root)s AND s.parent = ANY(%(keys)s::uuid[])
    UNION SELECT s.id FROM below JOIN {SPAN_TABLE} s ON s.root_id = %(root)s AND s.parent = below.id
), new AS (
    SELECT * FROM unnest(%(likenesses)s::uuid[], %(instrumentations)s::text[], %(starts)s::bigint[], %(ends)s::bigint[])
        AS new (likeness, instrumentation, started_ns, ended_ns)
), around AS (
    SELECT s.id FROM new JOIN {SPAN_TABLE} s
        ON s.root_id = %(root)s AND s.likeness = new.likeness AND s.instrumentation < new.instrumentation
        AND s.started_ns < new.ended_ns AND s.ended_ns > new.started_ns
    UNION ALL SELECT s.id FROM new JOIN {SPAN_TABLE} s
        ON s.root_id = %(root)s AND s.likeness = new.likeness AND s.instrumentation > new.instrumentation
        AND s.started_ns < new.ended_ns AND s.ended_ns > new.started_ns
)
SELECT id FROM above UNION SELECT id FROM below UNION SELECT id FROM around
UNION SELECT unnest(%(keys)s::uuid[])
UNION SELECT s.id FROM {SPAN_TABLE} s WHERE s.root_id = %(root)s AND s.answer = ANY(%(answers)s::uuid[])
"""  # noqa: S608  # our own table name


def told_before(root_id: int | None, traced: TracedCalls, records: Sequence[CostedRecord]) -> list[CostedRecord]:
    """The records but for those of calls that an earlier request told of, by a key with the same scope, `root_id` (None
    for an operator): who may write less, or elsewhere, tells nothing of them. The request's spans are remembered: call
    it inside the transaction that records usage, before the records are inserted. What counts and should not, since a
    span came that tells more of the call, is marked to be taken back.
    """
    root = root_id or 0
    if not traced.calls and not _is_known(root, traced):
        return list(records)
    hold(SPANS_LOCK, of=root % ID_MAX)
    known = _known(root, traced)
    offered = {record.event.id: record for record in records if record.event.identity != "id"}
    keys = {span.event_id: span.key for span in traced.calls}
    by_key = {keys[event_id]: record for event_id, record in offered.items() if event_id in keys}
    judgement = judged(known, traced, by_key.keys())
    _remember(root, known, judgement.spans, judgement.superseded, by_key)
    dropped = {id(by_key[key]) for key in judgement.declined}
    return [record for record in records if id(record) not in dropped]


def _is_known(root: int, traced: TracedCalls) -> bool:
    """Whether any of the links lies beside a span that was remembered."""
    if not traced.links:
        return False
    ends = [key for link in traced.links for key in (link.key, link.parent)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT FROM {SPAN_TABLE} WHERE root_id = %(root)s AND id = ANY(%(ends)s::uuid[]))"  # noqa: S608  # our own table name
            f" OR EXISTS (SELECT FROM {SPAN_TABLE} WHERE root_id = %(root)s AND parent = ANY(%(ends)s::uuid[]))",
            {"root": root, "ends": ends},
        )
        return bool(cursor.fetchone()[0])


def _known(root: int, traced: TracedCalls) -> dict[str, KnownSpan]:
    """By key, the remembered spans that may have to do with the request's, and those that count in their place."""
    every = [*traced.calls, *traced.links]
    metered = [span for span in traced.calls if span.is_metered]
    with connection.cursor() as cursor:
        cursor.execute(
            _LOOK_UP,
            {
                "root": root,
                "keys": [span.key for span in every],
                "above": [span.parent for span in every if span.parent],
                "answers": [span.answer for span in metered if span.answer],
                "likenesses": [span.likeness for span in metered],
                "instrumentations": [_instrumentation(span) for span in metered],
                "starts": [_bounded(span.started_ns) for span in metered],
                "ends": [_bounded(span.ended_ns) for span in metered],
            },
        )
        wanted = {row[0] for row in cursor.fetchall()}
        known: dict[str, KnownSpan] = {}
        while wanted:
            cursor.execute(
                f"SELECT {_READ} FROM {SPAN_TABLE} s WHERE s.root_id = %s AND s.id = ANY(%s)",  # noqa: S608  # as above
                [root, list(wanted)],
            )
            rows = cursor.fetchall()
            known |= {row[0].hex: _span_of(row) for row in rows}
            others = {other for row in rows for other in (row[5], row[7]) if other is not None}
            wanted = {other for other in others if other.hex not in known}
    return known


def _span_of(row: Sequence[Any]) -> KnownSpan:
    key, parent, started_ns, ended_ns, told, repeats, counts, counted_by = row
    kind, instrumentation, place, model, models, tokens, figures, response, is_given_once = json.loads(told)
    span = CallSpan(
        key.hex, _hex(parent), "", kind, instrumentation, place, started_ns, ended_ns, model, frozenset(models),
        None if tokens is None else (tokens[0], tokens[1]), figures, response, is_given_once,
    )  # fmt: skip
    return KnownSpan(span, _hex(repeats), counts, _hex(counted_by))


def _hex(key: UUID | None) -> str:
    return "" if key is None else key.hex


def _instrumentation(span: CallSpan) -> str:
    return digest(span.instrumentation, size=8)


def _bounded(nanoseconds: int) -> int:
    return min(nanoseconds, NANOSECONDS_MAX)


def _remember(
    root: int,
    known: Mapping[str, KnownSpan],
    spans: Mapping[str, KnownSpan],
    superseded: Iterable[str],
    records: Mapping[str, CostedRecord],
) -> None:
    due = set(superseded)
    rows = [
        _row(root, one, records.get(key), is_due=key in due)
        for key, one in sorted(spans.items())
        if known.get(key) != one
    ]
    if not rows:
        return
    changed = ("repeats", "counts", "counted_by")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {SPAN_TABLE} AS s ({', '.join(COLUMNS)})"  # noqa: S608  # our own names
            f" SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for kind in _TYPES)})"
            f" ON CONFLICT (root_id, id) DO UPDATE SET {', '.join(f'{name} = EXCLUDED.{name}' for name in changed)},"
            " is_due = s.is_due OR EXCLUDED.is_due, record_id = COALESCE(s.record_id, EXCLUDED.record_id),"
            " occurred_at = CASE WHEN s.record_id IS NULL THEN EXCLUDED.occurred_at ELSE s.occurred_at END",
            [list(column) for column in zip(*rows, strict=True)],
        )


def _row(root: int, one: KnownSpan, record: CostedRecord | None, *, is_due: bool) -> tuple[Any, ...]:
    span = one.span
    told = [
        span.kind, span.instrumentation, span.place, span.model, sorted(span.models), span.tokens, span.figures,
        span.response, span.is_given_once,
    ]  # fmt: skip
    occurred_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=_bounded(span.started_ns) // 1000)
    return (
        root, span.key, span.parent or None, (span.is_metered and span.answer) or None,
        span.likeness if span.is_metered else None, _instrumentation(span), _bounded(span.started_ns),
        _bounded(span.ended_ns), json.dumps(told), one.repeats or None, one.counts, one.counted_by or None, is_due,
        None if record is None else record.id, occurred_at if record is None else record.event.occurred_at,
    )  # fmt: skip


def move_spans(root_id: int | None, traced: TracedCalls, records: Iterable[CostedRecord]) -> None:
    """The spans of records that are kept apart from another sender's are of these, not of what stands instead."""
    keys = {span.event_id: span.key for span in traced.calls}
    for record in records:
        if record.event.id in keys:
            TracedSpan.objects.filter(root_id=root_id or 0, id=keys[record.event.id]).update(record_id=record.id)


def forget_spans(*, before: datetime) -> int:
    """Forgets spans that began before then, and returns how many."""
    return TracedSpan.objects.filter(occurred_at__lt=before).delete()[0]
