"""Which accepted unit costs hold for a scope."""

from __future__ import annotations

from datetime import date

from governance.scopes.queries import scope_tree
from governance.unit_costs.models import UnitCostTarget


def unit_costs_in_force(*, scope_id: int, on: date) -> dict[tuple[str, str], UnitCostTarget]:
    """By (unit, outcome name): the scope's own, or that of the nearest scope above which has one."""
    lineage = scope_tree().ancestors(scope_id)
    distance = {each: number for number, each in enumerate(lineage)}
    covering = UnitCostTarget.objects.covering(on).filter(scope_id__in=lineage).select_related("scope", "accepted_by")
    found: dict[tuple[str, str], UnitCostTarget] = {}
    for target in sorted(covering, key=lambda target: (-distance[target.scope_id], target.version)):
        found[target.unit, target.outcome_name] = target
    return found
