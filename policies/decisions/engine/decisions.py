"""What limits in force say of a call: allow or deny, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from policies.guardrails.engine.constraint_kinds import Block, ConstraintKind, covers, refuses_calls

BLOCKED = "blocked_by_guardrail"


@dataclass(frozen=True, slots=True)
class Reason:
    """``retryable``: the same call may be allowed at ``resets_at`` or before, without anybody resetting anything."""

    code: str
    guardrail: str
    step: str
    scope: str
    limit: float | None
    observed: float | None
    unit: str
    resets_at: str | None
    retryable: bool
    detail: str


@dataclass(frozen=True, slots=True)
class HeldConstraint:
    """A constraint in force, as decisions need it. ``resets_at`` is ``expires_at`` as it is written in an answer."""

    id: int
    scope_id: int
    guardrail: str
    step: str
    imposed: ConstraintKind
    reason: str
    limit: float | None
    observed: float | None
    unit: str
    expires_at: datetime
    resets_at: str


@dataclass(frozen=True, slots=True)
class Decision:
    """``allow`` or ``deny`` with a reason for each constraint that covers the call; the age is of the usage feed.

    ``stale`` says that what it was decided by is older than promised, by ``snapshot_age_seconds``.
    """

    decision: str
    reasons: tuple[Reason, ...]
    evaluated_at: datetime | None
    data_age_seconds: float | None
    stale: bool = False
    snapshot_age_seconds: float = 0.0


def decision_of(
    held: Iterable[tuple[str, HeldConstraint]],
    *,
    model: str,
    evaluated_at: datetime | None,
    last_received_at: datetime | None,
    at: datetime,
    age_s: float = 0.0,
    is_stale: bool = False,
) -> Decision:
    """``held`` are the constraints in force on the scope and above it, each after the path it stands on; ``age_s`` says
    how old all of this may be.
    """
    covering = [(path, constraint) for path, constraint in held if covers(constraint.imposed, model)]
    return Decision(
        decision="deny" if any(refuses_calls(constraint.imposed) for _path, constraint in covering) else "allow",
        reasons=tuple(_reason(path, constraint) for path, constraint in covering),
        evaluated_at=evaluated_at,
        data_age_seconds=None if last_received_at is None else max(0.0, (at - last_received_at).total_seconds()),
        stale=is_stale,
        snapshot_age_seconds=round(age_s, 3),
    )


def _reason(path: str, held: HeldConstraint) -> Reason:
    code, limit, observed, unit = _limit(held)
    return Reason(
        code=code,
        guardrail=held.guardrail,
        step=held.step,
        scope=path,
        limit=limit,
        observed=observed,
        unit=unit,
        resets_at=held.resets_at,
        retryable=True,
        detail=held.imposed.message or held.reason,
    )


def _limit(held: HeldConstraint) -> tuple[str, float | None, float | None, str]:
    """The code a gateway acts on, the limit, what was observed against it, and the unit of both."""
    match held.imposed:
        case Block():
            return BLOCKED, held.limit, held.observed, held.unit
