"""Limits and requests in sentences: money first, then cause, then what to do."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from budgets.plans.engine.amounts import spoken

Amounts = tuple[Decimal, Decimal, Decimal]


def limit_in_words(
    path: str, unit: str, currency: str, resets_at: datetime, deciders: Sequence[str], *, amounts: Amounts | None
) -> str:
    """`amounts` are used, limit and available; None where they are not the reader's to see."""
    day = f"{resets_at.day} {resets_at:%B %Y}"
    names = " or ".join(deciders) or "an administrator"
    ask = f"Ask for more with POST /api/v1/quota-requests: {names} decides."
    if amounts is None:
        return f"The budget in {_named(unit)} of {path} limits it until {day}. {ask}"
    used, limit, available = amounts
    left = (
        f"{spoken(unit, available, currency)} left"
        if available >= 0
        else f"{spoken(unit, -available, currency)} too much"
    )
    return (
        f"{path} has used {spoken(unit, used, currency)} of {spoken(unit, limit, currency)}, {left}, until {day}. {ask}"
    )


def _named(unit: str) -> str:
    return {"gpu_hours": "GPU hours"}.get(unit, unit)
