"""Attributing recorded usage again by the rules now in force: moves become adjustments, records never change."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from django.db import transaction

from allocation.attribution.engine import EXPLICIT, UNATTRIBUTED, Matcher
from allocation.attribution.queries import organisation_seen
from allocation.corrections.engine.corrections import Correction
from allocation.corrections.models import AdjustmentKind, AdjustmentRun
from allocation.corrections.operations.adjustments import (
    begin_run,
    books_in_force,
    finish_run,
    lock_corrections,
    post_corrections,
)
from allocation.corrections.operations.rerating import correction_of
from allocation.corrections.queries import CorrectedRecord, corrected_records, identity_of, in_batches
from allocation.coverage.operations import Preview, preview_attribution
from allocation.prices.engine.rates import to_nanos
from allocation.usage.engine.costing import Organisation
from allocation.usage.engine.roll_ups import Sums
from allocation.usage.models import Status, UsageRecord
from allocation.usage.operations import pricing_context_for, with_retries
from governance.errors import ReasonMissing
from governance.people.rules import Actor, check_may_change
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Reattribution:
    """What moved, or what a dry run would move. `run` is None for a dry run and when there was nothing to move."""

    preview: Preview
    run: AdjustmentRun | None = None


def reattribute_usage(
    *, organisation: str, since: datetime, until: datetime, reason: str, actor: Actor, at: datetime,
    dry_run: bool = False,
) -> Reattribution:  # fmt: skip
    """Move every record of [since, until) whose sender named no scope, and that the keys and rules now in force place
    elsewhere. In batches, each in its own transaction: after an interruption a second call moves the rest, and one
    after that nothing. Moves of records in a closed period count now. Raises reason_missing, period_empty and
    scope_unknown.
    """
    node = organisation_seen(organisation, actor)
    check_may_change(actor, "allocation.attributionruleset", node.path)
    if not reason.strip():
        raise ReasonMissing("Say why usage is attributed again; the reason goes on record.")
    preview = preview_attribution(organisation=node.path, since=since, until=until, actor=actor, at=at)
    if dry_run or not preview.movements:
        return Reattribution(preview)
    root = Scope.objects.get(pk=node.id)
    run = begin_run(
        kind=AdjustmentKind.REATTRIBUTE, organisation=root, since=since, until=until, reason=reason, actor=actor, at=at
    )
    # One matcher for the whole run: rules applied meanwhile are left to a later run.
    matcher = pricing_context_for(key_scope_id=root.pk, at=at).organisations[root.pk].matcher
    wanted = UsageRecord.objects.filter(scope_id__in=scope_tree().descendants(root.pk), occurred_at__lt=until)
    for records in in_batches(wanted.exclude(attribution=EXPLICIT), since=since, size=BATCH):
        with_retries(partial(_move_batch, run, records, matcher, at))
    return Reattribution(preview, finish_run(run, at=at))


@transaction.atomic
def _move_batch(run: AdjustmentRun, records: Sequence[UsageRecord], matcher: Matcher, at: datetime) -> None:
    """Reads where records count under the lock under which it moves them, so no two runs move a record from
    one scope.
    """
    root_id = run.organisation_id
    lock_corrections(root_id)
    books = books_in_force(root_id, at)
    corrected = corrected_records(records)
    moves = [
        (record, now, to_id, label)
        for record in records
        for now in (corrected[identity_of(record)],)
        for to_id, label in (_placement(record, matcher, books),)
        if to_id != now.scope_id and now.counts
    ]
    corrections = [correction for move in moves for correction in _corrections_of(*move, books, at)]
    post_corrections(run=run, corrections=corrections, records=len(moves), at=at)


def _placement(record: UsageRecord, matcher: Matcher, books: Organisation) -> tuple[int, str]:
    """The scope's id, and the label of what places the record there."""
    day: date = record.occurred_at.date()
    match = matcher.first_match(record, day)
    return (books.unattributed_id, UNATTRIBUTED) if match is None else (match.scope_id, match.name)


def _corrections_of(
    record: UsageRecord, now: CorrectedRecord, to_id: int, label: str, books: Organisation, at: datetime
) -> tuple[Correction, Correction]:
    """What leaves one scope, then what arrives at the other: all the record counts for, at its present cost."""
    sums = sums_of(record, now)
    at_list = at_list_prices(now)
    return (
        correction_of(record, books, at, scope_id=now.scope_id, sums=negated(sums), list_nanos=-at_list),
        correction_of(record, books, at, scope_id=to_id, sums=sums, list_nanos=at_list, attribution=label),
    )


def at_list_prices(now: CorrectedRecord) -> int:
    """What the record costs at list prices, in 10^-9; what it costs where nobody kept that."""
    return to_nanos((now.cost or Decimal(0)) if now.list_cost is None else now.list_cost)


def sums_of(record: UsageRecord, now: CorrectedRecord) -> Sums:
    """All that the record counts for, at the cost it has now."""
    failed = record.status == Status.ERROR
    return Sums(
        requests=record.requests,
        errors=record.requests if failed else 0,
        unpriced_requests=record.requests if now.cost is None and not failed else 0,
        partly_unpriced_requests=now.partly_unpriced_requests,
        unpriced_tokens=now.unpriced_tokens,
        tokenless_nanos=to_nanos(now.tokenless_cost),
        input_tokens=record.input_tokens,
        cached_input_tokens=record.cached_input_tokens,
        cache_write_tokens=record.cache_write_tokens,
        output_tokens=record.output_tokens,
        reasoning_tokens=record.reasoning_tokens,
        gpu_seconds=record.gpu_seconds,
        cost_nanos=0 if now.cost is None else to_nanos(now.cost),
        last_s=record.occurred_at.timestamp(),
    )


def negated(sums: Sums) -> Sums:
    """The opposite of every sum; the instant of the last call stays."""
    # Rare quantities have no column in roll-ups or adjustments.
    taken = {
        column.name: -getattr(sums, column.name) for column in fields(Sums) if column.name not in {"last_s", "rare"}
    }
    return Sums(**taken, last_s=sums.last_s)
