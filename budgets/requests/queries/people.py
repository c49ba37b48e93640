"""Who may decide on money, and who owns what it is for."""

from collections.abc import Collection, Iterable, Sequence

from governance.people.models import DecisionRight, Ownership
from governance.scopes.engine import nearest
from governance.scopes.queries import scope_tree

People = dict[int, set[str]]


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
