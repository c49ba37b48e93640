"""The limits that are stored for guardrails, to be compared with those that their evaluation wants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from policies.constraints.models import Constraint
from policies.guardrails.engine.constraint_kinds import ConstraintKind, imposed_by

# Guardrail name and scope id.
Pair = tuple[str, int]
Limits = Mapping[str, ConstraintKind | None]
"""What each step imposes; None when a person lifted it while its alert is open."""
NO_LIMITS: Limits = {}


def stored_limits(scope_ids: Collection[int] | None, wanted: Mapping[Pair, Collection[str]]) -> dict[Pair, Limits]:
    """Limits in force by guardrail and scope id (None: of every scope); of ``wanted`` steps that have none, also those
    that a person lifted.
    """
    limits: dict[Pair, dict[str, ConstraintKind | None]] = defaultdict(dict)
    in_force = Constraint.objects.filter(status=Constraint.Status.ACTIVE)
    if scope_ids is not None:
        in_force = in_force.filter(scope_id__in=scope_ids)
    for guardrail, scope_id, step, action, models, message in in_force.values_list(
        "guardrail", "scope_id", "step", "action", "model_patterns", "evidence__message"
    ):
        limits[guardrail, scope_id][step] = imposed_by(action, models, message or "")
    missing = {pair for pair, steps in wanted.items() if not limits.get(pair, NO_LIMITS).keys() >= set(steps)}
    if missing:
        lifted = Constraint.objects.lifted_by_hand().filter(scope_id__in={scope_id for _name, scope_id in missing})
        for guardrail, scope_id, step in lifted.values_list("guardrail", "scope_id", "step"):
            limits[guardrail, scope_id].setdefault(step, None)
    return dict(limits)


def follows(limits: Limits, wanted: Mapping[str, ConstraintKind], *, is_held: bool) -> bool:
    """Whether what is stored is what is wanted. While a guardrail is held, limits are imposed but none is changed or
    released.
    """
    if not wanted.keys() <= limits.keys():
        return False
    return is_held or all(imposed is None or wanted.get(step) == imposed for step, imposed in limits.items())
