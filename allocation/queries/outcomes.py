"""Outcomes and tasks for somebody."""

from django.db.models import QuerySet

from allocation.models import Outcome, Task
from governance.models.visibility import at_or_below
from governance.queries import scope_tree
from governance.rules import Actor


def outcomes(*, actor: Actor, scope_id: int | None = None) -> QuerySet[Outcome]:
    found = Outcome.objects.visible_to(actor).select_related("scope")
    return found if scope_id is None else found.filter(scope_id__in=scope_tree().descendants(scope_id))


def tasks(*, actor: Actor, scope_id: int | None = None) -> QuerySet[Task]:
    """By the scope of their first call: who owns a team sees its tasks, not its organisation's."""
    found = Task.objects.filter(scope__isnull=False).select_related("scope")
    if not actor.sees_everything:
        found = found.filter(at_or_below(actor.visible_paths, "scope__path"))
    return found if scope_id is None else found.filter(scope_id__in=scope_tree().descendants(scope_id))
