"""A small organisation to look at: one team over its budget, one near it, and a budget that waits for approval."""

from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction

from allocation.documents.events import UsageEvent
from allocation.operations import record_usage
from budgets.models import Budget
from budgets.operations import approve_budget
from config import declared
from governance.models import Persona, Scope
from governance.operations import create_user
from governance.rules import Actor

ORGANISATION = Path(__file__).parent / "organisation.yaml"
FINANCE = "finance@demo.example"
# Calls so far this month, each with 400,000 tokens in and 80,000 out: $1.80 at the catalogue's price of gpt-4o.
CALLS = {"demo/search": 40, "demo/search/ranker": 20, "demo/support": 92, "demo/research": 12}
APPROVED = ("demo/search", "demo/support")


@transaction.atomic
def seed(*, at: datetime) -> None:
    declared.apply(declared.read([ORGANISATION]), actor=Actor.system("demonstration"), at=at)
    organisation = Scope.objects.get(path="demo")
    finance, _password = create_user(
        email=FINANCE, persona=Persona.FINANCE, scope=organisation, actor=Actor.system("demonstration"), at=at
    )
    for budget in Budget.objects.filter(scope__path__in=APPROVED).order_by("pk"):
        approve_budget(budget_id=budget.pk, by=Actor.of_user(finance), reason="Planned for this year.", at=at)
    record_usage(events=usage(at), key_scope_id=organisation.pk, at=at)


def usage(at: datetime) -> list[UsageEvent]:
    """Spread evenly over the month so far, ten days at the most."""
    start = max(at.replace(day=1, hour=0, minute=0, second=0, microsecond=0), at - timedelta(days=10))
    return [
        UsageEvent.model_validate(
            {
                "id": f"{scope}-{number}",
                "source": "demonstration",
                "occurred_at": start + (at - start) * (number + 0.5) / calls,
                "scope": scope,
                "provider": "openai",
                "model": "gpt-4o",
                "operation": "chat",
                "tokens": {"input": 400_000, "output": 80_000},
            }
        )
        for scope, calls in CALLS.items()
        for number in range(calls)
    ]
