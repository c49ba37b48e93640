"""The period in which a guardrail accumulates facts and keeps its state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from budgets.ledger.queries import BudgetFacts
from governance.calendar.engine import day_of, first_of_month, midnight, month_after


@dataclass(frozen=True, slots=True)
class EvaluationPeriod:
    """From ``start`` up to but excluding ``end``, both aware UTC."""

    start: datetime
    end: datetime


def calendar_month(at: datetime) -> EvaluationPeriod:
    """The month of ``at``, in UTC."""
    today = day_of(at)
    return EvaluationPeriod(midnight(first_of_month(today)), midnight(month_after(today)))


def period_of_budget(facts: BudgetFacts) -> EvaluationPeriod:
    """The budget's current period."""
    return EvaluationPeriod(facts.period_start, facts.period_end)
