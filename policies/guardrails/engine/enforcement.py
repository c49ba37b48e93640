"""Which of a step's actions its enforcement level permits, and which constraints it imposes while it fires."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from governance.documents.engine.cel import Binding, Program
from policies.guardrails.engine.constraint_kinds import ConstraintKind
from policies.guardrails.engine.plan import CompiledStep
from policies.guardrails.engine.types import Action, ConstraintInForce, Level, Notify, StepState


def permits(level: Level, action: Action) -> bool:
    """Dry-run permits nothing, advisory only notifications, the mandatory levels everything."""
    if isinstance(action, Notify):
        return level != "dry_run"
    if isinstance(action, ConstraintKind):
        return level in {"soft_mandatory", "hard_mandatory"}
    assert_never(action)


def constraints_in_force(
    level: Level, step: CompiledStep, state: StepState, reason: str, binding: Binding | None
) -> Iterator[ConstraintInForce]:
    """The constraints that a firing step imposes. ``binding`` None: its facts cannot be read; nothing is observed."""
    sides = step.comparison if binding is not None else None
    for constraint in step.constraints:
        if permits(level, constraint):
            yield ConstraintInForce(
                step=step.name,
                severity=step.severity,
                constraint=constraint,
                reason=reason,
                since=state.fired_at or state.since,
                observed=_side(sides.observed, binding) if sides and binding else None,
                limit=_side(sides.limit, binding) if sides and binding else None,
                unit=sides.unit if sides else "",
            )


def withheld(level: Level, steps: Iterable[CompiledStep]) -> tuple[Action, ...]:
    """The actions of these steps that the level does not permit."""
    return tuple(action for step in steps for action in step.actions if not permits(level, action))


def _side(program: Program, binding: Binding) -> float | None:
    value = program.evaluate(binding)
    return value if isinstance(value, float) else None
