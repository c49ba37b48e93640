"""Scopes that an actor may see, and the people who own scopes."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from governance.people.models import Ownership
from governance.people.rules import Actor
from governance.scopes.engine import lineage_of
from governance.scopes.queries import scope_tree


def visible_scope_paths(actor: Actor) -> tuple[str, ...]:
    """The tops of the subtrees that `actor` may see; every organisation for one who sees everything."""
    if not actor.sees_everything:
        return actor.visible_paths
    tree = scope_tree()
    return tuple(tree.by_id[root].path for root in tree.roots)


def owners_by_path(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """By the path of a scope the addresses of active people who own it, directly or through a group; where nobody does,
    those who own the nearest scope above. Sorted. One query.
    """
    lineages = {path: lineage_of(path) for path in paths}
    held = Ownership.objects.filter(
        Q(user__is_active=True) | Q(group__user__is_active=True),
        scope__path__in={above for lineage in lineages.values() for above in lineage},
    )
    people: dict[str, set[str]] = {}
    for path, person, member in held.values_list("scope__path", "user__email", "group__user__email"):
        people.setdefault(path, set()).add(person or member)
    return {
        path: tuple(sorted(next((people[above] for above in reversed(lineage) if above in people), ())))
        for path, lineage in lineages.items()
    }
