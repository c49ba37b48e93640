from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from allocation.corrections.operations import Reattribution, reattribute_usage
from allocation.usage.models import UsageDay
from tests.allocation.attribution_rules import SINCE, UNTIL
from tests.allocation.conftest import AT, SYSTEM

LATER = AT + timedelta(hours=2)


def again(**changes: Any) -> Reattribution:
    asked = {
        "organisation": "acme", "since": SINCE, "until": UNTIL, "reason": "New rules.", "actor": SYSTEM, "at": LATER,
    }  # fmt: skip
    return reattribute_usage(**{**asked, **changes})


def by_scope() -> dict[str, tuple[Decimal, int, int]]:
    rows = UsageDay.objects.values_list("scope__path").annotate(Sum("cost"), Sum("requests"), Sum("errors"))
    return {path: tuple(sums) for path, *sums in rows.order_by("scope__path") if any(sums)}  # type: ignore[misc]
