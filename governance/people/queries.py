"""Scopes that an actor may see, the people who own scopes, and who may decide on money of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.db.models import Q

from governance.people.models import DecisionRight, Ownership
from governance.people.rules import Actor
from governance.scopes.engine import lineage_of, nearest
from governance.scopes.queries import scope_tree

People = dict[int, set[str]]


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


def holders(scope_ids: Iterable[int], *, right: str = "", without: Collection[int] = ()) -> People:
    """By scope the addresses of active people who own it, with `right` if given, but for the ids of `without`. Two
    queries.
    """
    held = Ownership.objects.filter(scope_id__in=list(scope_ids))
    if right:
        held = held.filter(decision_right=right)
    people: People = {}
    for prefix in ("user", "group__user"):
        rows = held.filter(**{f"{prefix}__is_active": True}).exclude(**{f"{prefix}__in": list(without)})
        for scope, email in rows.values_list("scope_id", f"{prefix}__email"):
            people.setdefault(scope, set()).add(email)
    return people


def nearest_of(lineage: Sequence[int], people: People) -> tuple[str, ...]:
    """Those of the nearest scope at or above that has any; sorted."""
    return tuple(sorted(nearest(lineage, people) or ()))


def deciders(scope_id: int, *, without: Collection[int] = ()) -> tuple[str, ...]:
    """Who may approve budgets of the scope, of the nearest scope where anybody may who is not among the ids of
    `without`; sorted.
    """
    lineage = scope_tree().ancestors(scope_id)
    return nearest_of(lineage, holders(lineage, right=DecisionRight.APPROVE_BUDGET, without=without))
