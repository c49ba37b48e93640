"""Which accepted unit costs hold for a scope."""

from __future__ import annotations

from datetime import date

from governance.scopes.engine import nearest
from governance.scopes.queries import scope_tree
from governance.unit_costs.models import UnitCostTarget


def unit_costs_in_force(*, scope_id: int, on: date) -> dict[tuple[str, str], UnitCostTarget]:
    """By (unit, outcome name): the scope's own, or that of the nearest scope above which has one."""
    lineage = scope_tree().ancestors(scope_id)
    covering = UnitCostTarget.objects.covering(on).filter(scope_id__in=lineage).select_related("scope", "accepted_by")
    by_scope: dict[tuple[str, str], dict[int, UnitCostTarget]] = {}
    for target in sorted(covering, key=lambda target: target.version):
        by_scope.setdefault((target.unit, target.outcome_name), {})[target.scope_id] = target
    return {named: held for named, own in by_scope.items() if (held := nearest(lineage, own)) is not None}
