"""What a newcomer wants to see first: alerts, who is held back, how far budgets are, what nobody accounts for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from allocation.models import UsageDay
from budgets.models import Budget
from budgets.queries import facts_by_budget
from governance.queries import scope_tree
from governance.rules import Actor
from policies.models import Alert, Constraint, DataGap
from policies.queries.facts import calendar_month
from policies.queries.liveness import EvaluationLag, evaluation_lag

ROWS_MAX = 10


@dataclass(frozen=True, slots=True)
class BudgetLine:
    budget: Budget
    used: Decimal
    amount: Decimal
    percent: int | None

    @property
    def bar_percent(self) -> int:
        return min(self.percent or 0, 100)


@dataclass(frozen=True, slots=True)
class Dashboard:
    alerts: list[Alert]
    alerts_count: int
    constraints: list[Constraint]
    constraints_count: int
    budgets: list[BudgetLine]
    cost_this_month: Decimal
    unattributed_cost: Decimal
    unpriced_requests: int
    gaps: list[DataGap]
    lag: EvaluationLag


def dashboard(*, actor: Actor, at: datetime) -> Dashboard:
    alerts = Alert.objects.visible_to(actor).open().select_related("scope").order_by("-opened_at")
    constraints = Constraint.objects.visible_to(actor).in_force(at).select_related("scope").order_by("-starts_at")
    usage = UsageDay.objects.visible_to(actor).filter(bucket__gte=calendar_month(at).start)
    unattributed = [node.id for node in scope_tree().by_id.values() if node.is_unattributed]
    sums = usage.aggregate(cost=Sum("cost"), unpriced=Sum("unpriced_requests"))
    lost = usage.filter(scope_id__in=unattributed).aggregate(cost=Sum("cost"))
    return Dashboard(
        alerts=list(alerts[:ROWS_MAX]),
        alerts_count=alerts.count(),
        constraints=list(constraints[:ROWS_MAX]),
        constraints_count=constraints.count(),
        budgets=_budgets(actor, at),
        cost_this_month=sums["cost"] or Decimal(0),
        unattributed_cost=lost["cost"] or Decimal(0),
        unpriced_requests=sums["unpriced"] or 0,
        gaps=list(DataGap.objects.visible_to(actor).filter(ended_at=None).select_related("organisation")),
        lag=evaluation_lag(at=at),
    )


def _budgets(actor: Actor, at: datetime) -> list[BudgetLine]:
    """The fullest first."""
    approved = list(
        Budget.objects.visible_to(actor).in_force(at.date()).filter(status="approved").select_related("scope")
    )
    facts = facts_by_budget(approved, at=at)
    lines = [
        BudgetLine(
            budget=budget,
            used=facts[budget.pk].used,
            amount=facts[budget.pk].amount,
            percent=None if (ratio := facts[budget.pk].used_ratio) is None else int(ratio * 100),
        )
        for budget in approved
        if budget.pk in facts
    ]
    return sorted(lines, key=lambda line: -(line.percent or 0))[:ROWS_MAX]
