"""Outcomes for readers."""

from django.db.models import QuerySet

from allocation.outcomes.models import Outcome
from governance.people.rules import Actor
from governance.scopes.queries import scope_tree


def outcomes(*, actor: Actor, scope_id: int | None = None) -> QuerySet[Outcome]:
    """Outcomes that the actor may see, all of them or those at or below a scope."""
    visible = Outcome.objects.visible_to(actor).select_related("scope")
    return visible if scope_id is None else visible.filter(scope_id__in=scope_tree().descendants(scope_id))
