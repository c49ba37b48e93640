"""Metrics that shared cost is split by, counted exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from pydantic import ValidationError

from allocation.billing_periods.operations import hold_periods
from allocation.meters.documents import Fault
from allocation.shared_cost.documents import METRIC_VALUE, MetricValue, metric_fault
from allocation.shared_cost.models import AllocationMetric
from allocation.usage.operations import Rejection
from governance.scopes.engine import is_at_or_below
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

FUTURE_DAYS_MAX = 1
Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class MetricsResult:
    """How many values were counted, had been before, and which were refused, in the order in which they were sent."""

    accepted: int
    duplicate: int
    rejected: tuple[Rejection, ...]


@transaction.atomic
def record_metrics(*, values: Sequence[object], authority: Scope, at: datetime, sender: str = "") -> MetricsResult:
    """Count each value by itself: a refused one does not hold back the others. The same value again is a duplicate; the
    same identity with other content is refused as identity_reused, since a counted value never changes. Another
    sender's value takes nobody's identity: what says something else stands beside it. `sender` is the prefix of a key;
    empty: not known.
    """
    tree = scope_tree()
    organisation_id = tree.by_id[authority.pk].root_id
    # Two senders may bring the same value at once, so those of an organisation wait for each other.
    Scope.objects.select_for_update(of=("self",)).get(pk=organisation_id)
    closed = hold_periods([organisation_id]).get(organisation_id)
    rejected: list[Rejection] = []
    valid: list[tuple[int, MetricValue]] = []
    for index, value in enumerate(values):
        parsed = _parsed(value)
        fault = parsed if isinstance(parsed, Fault) else _fault(parsed, authority.path, closed, at)
        if fault is None and isinstance(parsed, MetricValue):
            valid.append((index, parsed))
        elif fault is not None:
            rejected.append(Rejection(index, fault.code, fault.message, fault.field))
    recorded = _recorded(organisation_id, [value for _, value in valid])
    new: list[AllocationMetric] = []
    duplicate = 0
    for index, value in valid:
        row = AllocationMetric(
            organisation_id=organisation_id,
            source=value.source,
            event_id=value.id,
            metric=value.metric,
            scope_id=tree.by_path[value.scope].id,
            on=value.on,
            value=value.value,
            received_at=at,
            sender=sender,
        )
        standing = recorded.setdefault((value.source, value.id), [])
        if any(_content(each) == _content(row) for each in standing):
            duplicate += 1
        elif any(not sender or each.sender in {"", sender} for each in standing):
            fault = _reused(value)
            rejected.append(Rejection(index, fault.code, fault.message, fault.field))
        else:
            standing.append(row)
            new.append(row)
    AllocationMetric.objects.bulk_create(new)
    return MetricsResult(len(new), duplicate, tuple(sorted(rejected, key=lambda rejection: rejection.index)))


def _parsed(value: object) -> MetricValue | Fault:
    try:
        return METRIC_VALUE.validate_python(value)
    except ValidationError as problem:
        return metric_fault(problem)


def _fault(value: MetricValue, authority: str, closed: datetime | None, at: datetime) -> Fault | None:
    if value.on > at.date() + timedelta(days=FUTURE_DAYS_MAX):
        return Fault("occurred_in_future", "on lies in the future: send a value when its day has come.", "on")
    if closed is not None and value.on < closed.date():
        return Fault("period_closed", f"on lies in a closed month: give the first day that is open, {closed:%F}.", "on")
    if not is_at_or_below(value.scope, authority) or value.scope not in scope_tree().by_path:
        return Fault(
            "scope_unknown",
            f"scope names no scope of {authority}, which the key is for: correct the path, or use its own key.",
            "scope",
        )
    return None


def _recorded(organisation_id: int, values: Sequence[MetricValue]) -> dict[Identity, list[AllocationMetric]]:
    rows = AllocationMetric.objects.filter(
        organisation_id=organisation_id,
        source__in={value.source for value in values},
        event_id__in={value.id for value in values},
    )
    recorded: dict[Identity, list[AllocationMetric]] = {}
    for row in rows:
        recorded.setdefault((row.source, row.event_id), []).append(row)
    return recorded


def _content(row: AllocationMetric) -> tuple[object, ...]:
    return (row.metric, row.scope_id, row.on, row.value)


def _reused(value: MetricValue) -> Fault:
    return Fault(
        "identity_reused",
        f"This id of {value.source} was counted with another content, which stays; give a further value a new id.",
        "id",
    )
