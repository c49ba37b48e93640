"""Outcomes and tasks for somebody."""

from django.db.models import QuerySet

from allocation.outcomes.models import Outcome
from governance.people.rules import Actor
from governance.scopes.queries import scope_tree


def outcomes(*, actor: Actor, scope_id: int | None = None) -> QuerySet[Outcome]:
    found = Outcome.objects.visible_to(actor).select_related("scope")
    return found if scope_id is None else found.filter(scope_id__in=scope_tree().descendants(scope_id))
