"""Days of scopes beside the daily roll-ups that they are sums of."""

from typing import Any

from django.db.models import QuerySet, Sum

from allocation.usage.models import UsageDay, UsageScopeDay

SUMMED = (
    "requests", "errors", "unpriced_requests", "partly_unpriced_requests", "unpriced_tokens", "input_tokens",
    "cached_input_tokens", "output_tokens", "gpu_seconds", "cost", "tokenless_cost",
)  # fmt: skip


def _rows(usage: QuerySet[Any]) -> list[Any]:
    return sorted(usage.order_by().values_list("bucket", "scope_id", "activity").annotate(*map(Sum, SUMMED)))


def scope_days() -> list[Any]:
    """Their sums, once they are those of the days."""
    stored = _rows(UsageScopeDay.objects.all())
    assert stored == _rows(UsageDay.objects.all())
    assert len(stored) == UsageScopeDay.objects.count()
    return stored
