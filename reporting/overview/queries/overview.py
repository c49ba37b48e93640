"""The first page: alerts, constraints in force, the use of budgets, spending, and unattributed cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count

from allocation.quarantine.engine import Waiting
from allocation.quarantine.models import QuarantinedUsage
from allocation.quarantine.queries import waiting_in_quarantine
from allocation.usage.models import UsageDay, UsageScopeDay
from budgets.approvals.queries import waiting_for
from budgets.ledger.queries import facts_by_budget
from budgets.plans.engine.amounts import rounded
from budgets.plans.models import Budget
from governance.charts.engine.numbers import percent
from governance.people.models import ApiKey
from governance.people.rules import Actor
from governance.scopes.queries import scope_tree
from policies.alerts.models import Alert
from policies.constraints.models import Constraint
from policies.evaluation.models import DataGap
from policies.evaluation.queries import EvaluationLag, calendar_month, evaluation_lag
from policies.guardrails.models import GuardrailVersion
from reporting.overview.queries.spending import Spending, spending

ROWS_MAX = 10


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """A budget with its use, in its unit; ``used_ratio`` is None when its amount is 0."""

    budget: Budget
    used: Decimal
    amount: Decimal
    used_ratio: Decimal | None

    @property
    def used_of_amount(self) -> str:
        unit = self.budget.unit
        return f"{rounded(unit, self.used)} of {rounded(unit, self.amount, self.budget.currency)}"

    @property
    def bar_percent(self) -> int:
        return int(min(max(self.used_ratio or Decimal(0), Decimal(0)), Decimal(1)) * 100)

    @property
    def used_percent(self) -> str:
        return percent(self.used_ratio)


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """Which of the steps to a working installation are done."""

    has_scopes: bool
    has_keys: bool
    has_usage: bool
    has_budgets: bool
    has_guardrails: bool

    @property
    def are_done(self) -> bool:
        """Usage may also come from files, without a key."""
        return self.has_scopes and self.has_usage and self.has_budgets and self.has_guardrails


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Everything the first page shows; lists hold at most ROWS_MAX rows, counts and ``…_left_out`` the rest. `waiting`
    has each amount in words.
    """

    steps: FirstSteps
    alerts: list[Alert]
    alerts_count: int
    pending_count: int
    constraints: list[Constraint]
    constraints_count: int
    budgets: list[BudgetLine]
    budgets_left_out: int
    waiting: list[tuple[Budget, str]]
    waiting_count: int
    spending: Sequence[Spending]
    quarantine: Waiting | None
    gaps: list[DataGap]
    lag: EvaluationLag


def dashboard(*, actor: Actor, at: datetime) -> Dashboard:
    """What the actor may see of the first page at ``at``, in a fixed number of queries."""
    alerts = Alert.objects.visible_to(actor).open().select_related("scope").order_by("-opened_at")
    counts = dict(
        Alert.objects.visible_to(actor).unresolved().order_by().values_list("status").annotate(number=Count("pk"))
    )
    constraints = Constraint.objects.visible_to(actor).in_force(at).select_related("scope").order_by("-starts_at")
    waiting = waiting_for(actor, at=at).select_related("scope").order_by("submitted_at")
    usage, tree = UsageDay.objects.visible_to(actor), scope_tree()
    lines = _budgets(actor, at)
    return Dashboard(
        steps=_steps(actor, has_scopes=any(actor.sees(tree.by_id[root].path) for root in tree.roots)),
        alerts=list(alerts[:ROWS_MAX]),
        alerts_count=counts.get(Alert.Status.FIRING, 0),
        pending_count=counts.get(Alert.Status.PENDING, 0),
        constraints=list(constraints[:ROWS_MAX]),
        constraints_count=constraints.count(),
        budgets=lines[:ROWS_MAX],
        budgets_left_out=len(lines[ROWS_MAX:]),
        waiting=[(budget, rounded(budget.unit, budget.amount, budget.currency)) for budget in waiting[:ROWS_MAX]],
        waiting_count=waiting.count(),
        spending=spending(
            usage, UsageScopeDay.objects.visible_to(actor), tree=tree, month=calendar_month(at).start, at=at
        ),
        quarantine=waiting_in_quarantine(QuarantinedUsage.objects.visible_to(actor)),
        gaps=list(DataGap.objects.visible_to(actor).filter(ended_at=None).select_related("organisation")),
        lag=evaluation_lag(at=at, actor=actor),
    )


def _steps(actor: Actor, *, has_scopes: bool) -> FirstSteps:
    """Only who sees the whole installation can take every step; for everybody else all count as done."""
    if not actor.sees_everything:
        return FirstSteps(has_scopes=True, has_keys=True, has_usage=True, has_budgets=True, has_guardrails=True)
    return FirstSteps(
        has_scopes=has_scopes,
        has_keys=ApiKey.objects.exists(),
        has_usage=UsageDay.objects.exists(),
        has_budgets=Budget.objects.filter(status=Budget.Status.APPROVED).exists(),
        has_guardrails=GuardrailVersion.objects.filter(is_active=True).exists(),
    )


def _budgets(actor: Actor, at: datetime) -> list[BudgetLine]:
    """Approved budgets in force, the most used first."""
    approved = list(
        Budget.objects.visible_to(actor).in_force(at.date()).filter(status="approved").select_related("scope")
    )
    facts = facts_by_budget(approved, at=at)
    lines = [
        BudgetLine(
            budget=budget,
            used=facts[budget.pk].used,
            amount=facts[budget.pk].amount,
            used_ratio=facts[budget.pk].used_ratio,
        )
        for budget in approved
        if budget.pk in facts
    ]
    return sorted(lines, key=lambda line: (-(line.used_ratio or 0), line.budget.scope.path))
