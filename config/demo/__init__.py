"""A small organisation to look at: one team over its budget, one near it, and a budget that waits for approval."""

from datetime import datetime
from pathlib import Path

from django.db import transaction

from allocation.engine.months import Month
from allocation.operations import record_usage, run_allocation
from budgets.models import Budget
from budgets.operations import approve_budget
from config import declared
from config.demo.traffic import usage
from governance.models import Persona, Scope
from governance.operations import create_user
from governance.rules import Actor

ORGANISATION = Path(__file__).parent / "organisation.yaml"
FINANCE = "finance@demo.example"
WAITING = "demo/research"


@transaction.atomic
def seed(*, at: datetime) -> None:
    actor = Actor.system("demonstration")
    declared.apply(declared.read([ORGANISATION]), actor=actor, at=at)
    organisation = Scope.objects.get(path="demo")
    finance, _password = create_user(email=FINANCE, persona=Persona.FINANCE, scope=organisation, actor=actor, at=at)
    # The organisation's first: the budgets below are granted from it.
    for budget in Budget.objects.exclude(scope__path=WAITING).order_by("scope__path", "pk"):
        approve_budget(budget_id=budget.pk, by=Actor.of_user(finance), reason="Planned for this year.", at=at)
    record_usage(events=usage(at), key_scope_id=organisation.pk, at=at)
    run_allocation(organisation=organisation, month=Month.of(at.date()), actor=actor, at=at)
