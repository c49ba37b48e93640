"""Records of spans that turned out to repeat a call are taken back."""

from collections import defaultdict
from datetime import datetime
from functools import partial

from allocation.corrections.models import AdjustmentKind, AdjustmentRun
from allocation.corrections.operations.adjustments import begin_run, finish_run
from allocation.corrections.operations.taking_back import take_back
from allocation.usage.models import TracedSpan, UsageRecord
from allocation.usage.operations import with_retries
from governance.calendar.engine import DAY, day_of, midnight
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

BATCH = 1_000
REASON = "Spans that came before the span of the call that they repeat; each call counts once"


def take_back_repeated_calls(*, at: datetime) -> int:
    """Takes back what was recorded of spans before the span came that tells the same call better. Returns how many
    records it looked at; done again it changes nothing.
    """
    due = list(TracedSpan.objects.filter(is_due=True).order_by("root_id", "id")[:BATCH])
    if not due:
        return 0
    keys = {(span.record_id, span.occurred_at) for span in due if span.record_id is not None}
    records = UsageRecord.objects.filter(
        pk__in=[record_id for record_id, _ in keys], occurred_at__in={occurred_at for _, occurred_at in keys}
    )
    by_day = defaultdict[tuple[int, datetime], list[UsageRecord]](list)
    nodes = scope_tree().by_id
    for record in records:
        if (record.pk, record.occurred_at) in keys:
            by_day[nodes[record.scope_id].root_id, midnight(day_of(record.occurred_at))].append(record)
    for (root_id, day), of_day in sorted(by_day.items(), key=lambda item: item[0]):
        run = _run_of(root_id, day, at)
        with_retries(partial(take_back, run=run, records=of_day, at=at))
        finish_run(run, at=at)
    for span in due:
        TracedSpan.objects.filter(root_id=span.root_id, id=span.id).update(is_due=False)
    return len(due)


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
