"""Allocation's daily roll-ups in the quantities of the ledger."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.db.models import F, Sum

from allocation.usage.models import UsageDay
from budgets.ledger.engine.charging import DayUsage
from governance.calendar.engine import midnight

MEASURES = {
    "money": Sum("cost"),
    "tokens": Sum(F("input_tokens") + F("output_tokens")),
    "requests": Sum("requests"),
    "gpu_hours": Sum("gpu_seconds"),
}


def usage_by_day(*, unit: str, scope_ids: Iterable[int], since: date, until: date) -> list[DayUsage]:
    """Per scope and day of [since, until): cost, tokens, requests or GPU seconds. One query."""
    rows = (
        UsageDay.objects.filter(scope_id__in=list(scope_ids), bucket__gte=midnight(since), bucket__lt=midnight(until))
        .order_by()
        .values_list("scope_id", "bucket")
        .annotate(quantity=MEASURES[unit])
    )
    return [DayUsage(scope_id, bucket.date(), Decimal(quantity)) for scope_id, bucket, quantity in rows if quantity]
