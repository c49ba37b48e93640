from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from budgets.ledger.queries import BudgetFacts


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open, aware UTC."""

    start: datetime
    end: datetime


def calendar_month(at: datetime) -> Period:
    start = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Period(start, (start + timedelta(days=32)).replace(day=1))


def period_of_budget(facts: BudgetFacts) -> Period:
    return Period(facts.period_start, facts.period_end)
