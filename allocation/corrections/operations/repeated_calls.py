"""Records of spans that turned out to repeat a call are taken back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from allocation.corrections.models import AdjustmentKind, AdjustmentRun
from allocation.corrections.operations.adjustments import begin_run, finish_run
from allocation.corrections.operations.taking_back import take_back
from allocation.usage.models import TracedSpan, UsageRecord
from allocation.usage.operations import with_retries
from governance.calendar.engine import DAY, day_of, midnight
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from governance.work.operations import each_apart, tell_faults

BATCH = 1_000
TAKING_BACK_HEARTBEAT = "allocation.take_back_repeated_calls"
REASON = "Spans that came before the span of the call that they repeat; each call counts once"


@dataclass
class _Due:
    """What is to be taken back of an organisation's day: records, and the spans that say so, by root and id."""

    root_id: int
    day: datetime
    records: list[UsageRecord] = field(default_factory=list)
    spans: list[tuple[int, UUID]] = field(default_factory=list)


def take_back_repeated_calls(*, at: datetime) -> int:
    """Takes back what was recorded of spans before the span came that tells the same call better. Returns how many
    spans it looked at; done again it changes nothing. A fault in one organisation's day is told, leaves its own spans
    for the next time, and stops no other.
    """
    roots = TracedSpan.objects.filter(is_due=True).order_by("root_id").values_list("root_id", flat=True).distinct()
    looked, due = 0, list[_Due]()
    for root_id in list(roots):
        spans = list(TracedSpan.objects.filter(is_due=True, root_id=root_id).order_by("id")[:BATCH])
        looked += len(spans)
        due += _due_by_day(spans)
    if not looked:
        return 0
    nodes = scope_tree().by_id
    done = each_apart(
        sorted(due, key=lambda each: (each.root_id, each.day)),
        lambda each: _take_back(each, at),
        named=lambda each: f"{nodes[each.root_id].path} {each.day:%F}",
    )
    tell_faults(TAKING_BACK_HEARTBEAT, done.faults, at=at, sentence="repeated calls of %s could not be taken back")
    return looked


def _due_by_day(spans: Sequence[TracedSpan]) -> Iterable[_Due]:
    """A span without a record has nothing to be taken back, and is due no longer."""
    of_record = {
        (span.record_id, span.occurred_at): (span.root_id, span.id) for span in spans if span.record_id is not None
    }
    records = UsageRecord.objects.filter(
        pk__in=[record_id for record_id, _ in of_record], occurred_at__in={occurred_at for _, occurred_at in of_record}
    )
    by_day: dict[tuple[int, datetime], _Due] = {}
    nodes = scope_tree().by_id
    found = set[tuple[int, UUID]]()
    for record in records:
        span = of_record.get((record.pk, record.occurred_at))
        if span is not None:
            root_id, day = nodes[record.scope_id].root_id, midnight(day_of(record.occurred_at))
            due = by_day.setdefault((root_id, day), _Due(root_id, day))
            due.records.append(record)
            due.spans.append(span)
            found.add(span)
    _not_due([(span.root_id, span.id) for span in spans if (span.root_id, span.id) not in found])
    return by_day.values()


def _take_back(due: _Due, at: datetime) -> None:
    run = _run_of(due.root_id, due.day, at)
    with_retries(partial(take_back, run=run, records=due.records, at=at))
    finish_run(run, at=at)
    _not_due(due.spans)


def _not_due(spans: Iterable[tuple[int, UUID]]) -> None:
    for root_id, span_id in spans:
        TracedSpan.objects.filter(root_id=root_id, id=span_id).update(is_due=False)


def _run_of(root_id: int, day: datetime, at: datetime) -> AdjustmentRun:
    """One run for all that is taken back of an organisation's day, so that a sender who always comes in this order does
    not fill the decision records.
    """
    begun = AdjustmentRun.objects.filter(
        kind=AdjustmentKind.TAKE_BACK, organisation_id=root_id, since=day, until=day + DAY, reason=REASON
    )
    return begun.order_by("pk").first() or begin_run(
        kind=AdjustmentKind.TAKE_BACK, organisation=Scope.objects.get(pk=root_id), since=day, until=day + DAY,
        reason=REASON, actor=Actor.system(), at=at,
    )  # fmt: skip
