"""A demonstration organisation: a team over its budget, one near it, and a budget that waits for approval."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from allocation.meters.engine.months import Month
from allocation.outcomes.operations import record_outcomes
from allocation.shared_cost.operations import run_allocation
from allocation.usage.operations import record_usage
from budgets.approvals.operations import approve_budget
from budgets.plans.models import Budget
from config import declared
from config.demo.tasks import outcomes, task_usage
from config.demo.traffic import usage
from governance.organisations.operations import create_user
from governance.people.models import Persona
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.unit_costs.operations import accept_unit_cost

ORGANISATION = Path(__file__).parent / "organisation.yaml"
FINANCE = "finance@demo.example"
WAITING = "demo/research"
# Unit, scope, outcome, amount and reason of an accepted unit cost.
ACCEPTED = (
    ("1k_tokens", "demo", "", Decimal("0.002"), "Half of what the models of last year cost."),
    ("action", "demo/engineering/coding-agent", "", Decimal("0.03"), "What a change cost while the agent was tried."),
    ("successful_outcome", "demo/support", "ticket_resolved", Decimal("0.55"), "A seventh of what a clerk takes."),
)


@transaction.atomic
def seed(*, at: datetime) -> None:
    """Create the organisation with budgets, unit costs, usage and outcomes up to ``at``; all or nothing."""
    actor = Actor.system("demonstration")
    declared.apply(declared.read([ORGANISATION]), actor=actor, at=at)
    organisation = Scope.objects.get(path="demo")
    finance, _password = create_user(email=FINANCE, persona=Persona.FINANCE, scope=organisation, actor=actor, at=at)
    # The organisation's budget comes first: budgets of scopes below it are granted from it.
    for budget in Budget.objects.exclude(scope__path=WAITING).order_by("scope__path", "pk"):
        approve_budget(budget_id=budget.pk, actor=Actor.of_user(finance), reason="Planned for this year.", at=at)
    for unit, path, name, amount, reason in ACCEPTED:
        accept_unit_cost(
            scope=Scope.objects.get(path=path),
            unit=unit,
            outcome_name=name,
            amount=amount,
            reason=reason,
            effective_from=at.date() - timedelta(days=60),
            review_by=at.date() + timedelta(days=90),
            actor=Actor.of_user(finance),
            at=at,
        )
    record_usage(events=usage(at), key_scope_id=organisation.pk, at=at)
    record_usage(events=task_usage(at), key_scope_id=organisation.pk, at=at)
    record_outcomes(events=outcomes(at), key_scope_id=organisation.pk, at=at)
    run_allocation(organisation=organisation, month=Month.of(at.date()), actor=actor, at=at)
