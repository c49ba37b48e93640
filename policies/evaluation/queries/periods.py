from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from budgets.ledger.queries import BudgetFacts
from governance.calendar.engine import day_of, first_of_month, midnight, month_after


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open, aware UTC."""

    start: datetime
    end: datetime


def calendar_month(at: datetime) -> Period:
    today = day_of(at)
    return Period(midnight(first_of_month(today)), midnight(month_after(today)))


def period_of_budget(facts: BudgetFacts) -> Period:
    return Period(facts.period_start, facts.period_end)
