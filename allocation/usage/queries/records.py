"""Usage for readers: summaries, records and tasks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Max, Min, Q, QuerySet, Sum

from allocation.usage.models import Task, UsageDay, UsageRecord, UsageRecordQuerySet
from governance.people.rules import Actor
from governance.scopes.models import seen_by
from governance.scopes.queries import scope_tree

SUMMED = (
    "requests", "errors", "unpriced_requests", "partly_unpriced_requests", "unpriced_tokens", "input_tokens",
    "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "gpu_seconds", "cost",
)  # fmt: skip
GROUPS: Mapping[str, tuple[str, ...]] = {"model": ("provider", "model"), "scope": ("scope__path",), "day": ("bucket",)}


def usage_summary(
    *, actor: Actor, scope_id: int | None, since: datetime, until: datetime, group_by: str
) -> list[dict[str, Any]]:
    """Sums over whole UTC days, from `since` to before `until`, of what `actor` may see at or below the scope, grouped
    by a key of GROUPS.
    """
    days = UsageDay.objects.visible_to(actor).filter(bucket__gte=since, bucket__lt=until)
    if scope_id is not None:
        days = days.filter(scope_id__in=scope_tree().descendants(scope_id))
    groups = GROUPS[group_by]
    return list(days.values(*groups).annotate(**{f"sum_{name}": Sum(name) for name in SUMMED}).order_by(*groups))


def usage_records(*, actor: Actor, scope_id: int | None = None, below: bool = True) -> UsageRecordQuerySet:
    """Records that the actor may see: all, or those of a scope, with the scopes `below` it or without."""
    records = UsageRecord.objects.visible_to(actor).select_related("scope")
    if scope_id is not None:
        records = records.filter(scope_id__in=scope_tree().descendants(scope_id) if below else [scope_id])
    return records


def records_called(records: UsageRecordQuerySet, term: str) -> UsageRecordQuerySet:
    """Those of `records` whose event, task, session or model is exactly `term`. It is looked up first which of these
    the term names, and when: a condition that no index answers would read every record.
    """
    if not term:
        return records.none()
    found = Q(event_id=term) | Q(session_id=term)
    tasks = Task.objects.filter(task_id=term, first_occurred_at__isnull=False)
    span = tasks.aggregate(first=Min("first_occurred_at"), last=Max("last_occurred_at"))
    if span["first"] is not None:
        found |= Q(task_id=term, occurred_at__gte=span["first"], occurred_at__lte=span["last"])
    scope_ids = UsageDay.objects.filter(model=term).order_by().values_list("scope_id", flat=True).distinct()
    if scope_ids:
        found |= Q(model=term, scope_id__in=list(scope_ids))
    return records.filter(found)


def tasks(*, actor: Actor, scope_id: int | None = None) -> QuerySet[Task]:
    """Tasks by the scope of their first call: who sees a team sees its tasks, not its organisation's."""
    visible = Task.objects.filter(seen_by(actor, "scope__path"), scope__isnull=False).select_related("scope")
    return visible if scope_id is None else visible.filter(scope_id__in=scope_tree().descendants(scope_id))
