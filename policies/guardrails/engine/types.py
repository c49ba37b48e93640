"""What goes into an evaluation and what comes out of it: values only, no behaviour that decides.

Durations are ``timedelta``, instants aware UTC ``datetime``, ratios plain numbers (0.8 is 80 %).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from policies.guardrails.engine.constraint_kinds import ConstraintKind

Unit = Literal["money", "tokens", "requests", "gpu_hours"]
Status = Literal["idle", "pending", "firing", "no_data", "error"]
Trigger = Literal["started", "changed", "repeat"]
Severity = Literal["info", "low", "medium", "high", "critical"]
Level = Literal["dry_run", "advisory", "soft_mandatory", "hard_mandatory"]
Scalar = float | int | bool | str


@dataclass(frozen=True, slots=True, order=True)
class FactKey:
    """One thing to measure for one scope: what the loader is asked for.

    ``window`` is one of ``facts.WINDOWS`` or "" where the fact has none; ``unit`` is a budget's unit or "".
    """

    fact: str
    window: str = ""
    unit: str = ""

    def __str__(self) -> str:
        return ".".join(part for part in (self.fact, self.window, self.unit) if part)


@dataclass(frozen=True, slots=True)
class FactValue:
    """A measured fact. ``value`` None is a missing sample: the state is held. ``share`` is what a ratio is made of: the
    part and the whole, in the unit of its key.

    ``absent`` says that the thing measured does not exist (no approved budget covers this instant): a guardrail with
    nothing in force stays idle on it instead of reporting lost data; one with a step in force still holds.
    """

    value: Scalar | None
    as_of: datetime
    age_seconds: float = 0.0
    exact: Decimal | None = None
    absent: bool = False
    share: tuple[Decimal, Decimal] | None = None


Facts = Mapping[FactKey, FactValue]


@dataclass(frozen=True, slots=True)
class ScopeView:
    """The scope as a guardrail may match and read it; ``path`` is slugs joined by "/"."""

    id: int
    path: str
    kind: str = "team"
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: str = ""
    criticality: str = "standard"
    practice: str = "finops_for_ai"
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Notify:
    """Addresses are ``owner`` or ``slack:NAME`` / ``email:NAME`` / ``webhook:NAME``."""

    to: tuple[str, ...]
    repeat_every: timedelta | None = None
    kind: Literal["notify"] = "notify"


Action = Notify | ConstraintKind


@dataclass(frozen=True, slots=True)
class StepState:
    """A step that is not idle.

    ``since`` is when its condition began to hold; ``fired_at`` is None while pending; ``false_since`` is when a firing
    step's condition stopped holding; ``notified_at`` is the last instant at which its notifications were planned.
    ``told`` is what its people were told that it limits ("" nothing, None: they were told nothing at all).
    """

    name: str
    since: datetime
    fired_at: datetime | None = None
    false_since: datetime | None = None
    notified_at: datetime | None = None
    told: str | None = None

    @property
    def is_firing(self) -> bool:
        return self.fired_at is not None


@dataclass(frozen=True, slots=True)
class GuardrailState:
    """What must survive between two evaluations of one (scope, guardrail). No state at all means idle.

    ``held_since`` is set while facts are missing, stale or failing; ``held_as`` says which.
    """

    steps: tuple[StepState, ...] = ()
    held_since: datetime | None = None
    held_as: Literal["", "no_data", "error"] = ""

    def step(self, name: str) -> StepState | None:
        return next((step for step in self.steps if step.name == name), None)

    def to_json(self) -> dict[str, Any]:
        written: dict[str, Any] = {"steps": [_step_to_json(step) for step in self.steps]}
        if self.held_since is not None:
            written |= {"held_since": self.held_since.isoformat(), "held_as": self.held_as}
        return written

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> GuardrailState:
        return cls(
            steps=tuple(_step_from_json(step) for step in written.get("steps", ())),
            held_since=_instant(written.get("held_since")),
            held_as=written.get("held_as", ""),
        )


@dataclass(frozen=True, slots=True)
class StepStarted:
    """The step fires from now on."""

    step: str
    severity: Severity
    reason: str


@dataclass(frozen=True, slots=True)
class StepEnded:
    """The step fired until now."""

    step: str
    severity: Severity
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """Reported once, when the hold begins: the owner learns that the guardrail has no usable data."""

    status: Literal["no_data", "error"]
    reason: str


@dataclass(frozen=True, slots=True)
class HoldEnded:
    """The facts are back; reported once."""

    reason: str


Transition = StepStarted | StepEnded | Held | HoldEnded


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """Something to do now. ``trigger`` is "started" once per step that starts, "changed" when a step in force comes to
    limit what nobody was told of, "repeat" every ``repeat_every``.
    """

    step: str
    severity: Severity
    action: Action
    trigger: Trigger
    reason: str


@dataclass(frozen=True, slots=True)
class ConstraintInForce:
    """A constraint that should be in force after this evaluation: desired state, repeated at every evaluation.

    ``observed`` and ``limit`` are the two sides of the step's comparison when it has that shape; ``unit`` is theirs.
    """

    step: str
    severity: Severity
    constraint: ConstraintKind
    reason: str
    since: datetime
    observed: float | None = None
    limit: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """One step after this evaluation. ``holds`` is its ``when`` as evaluated, None when it could not be."""

    name: str
    status: Literal["idle", "pending", "firing"]
    holds: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome for one (guardrail, scope) at one instant.

    ``state`` None means nothing to remember. ``step`` is the highest firing step, "" if none. ``actions`` run now,
    ``constraints`` should hold from now on; both are what the enforcement level permits, the rest is in
    ``withheld``. ``next_due_at`` is when timers alone could change the outcome (sliding windows are the sweep's).
    ``inputs`` is JSON: facts, variables, params, conditions and steps as read, for the decision log.
    """

    status: Status
    state: GuardrailState | None = None
    step: str = ""
    steps: tuple[StepOutcome, ...] = ()
    transitions: tuple[Transition, ...] = ()
    actions: tuple[PlannedAction, ...] = ()
    constraints: tuple[ConstraintInForce, ...] = ()
    withheld: tuple[Action, ...] = ()
    reason: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    next_due_at: datetime | None = None

    @property
    def changed(self) -> bool:
        """A step started or ended, or a hold began or ended: it is recorded."""
        return bool(self.transitions)


IDLE = Evaluation(status="idle", reason="No step holds.")
"""The one idle outcome with nothing to remember, shared: compare with ``is``."""


UNKNOWN = "?"
"""What people were told by a version that did not remember it: taken for what holds."""


def _step_to_json(step: StepState) -> dict[str, str | None]:
    written = {"name": step.name, "since": step.since.isoformat(), "told": step.told}
    for name in ("fired_at", "false_since", "notified_at"):
        instant: datetime | None = getattr(step, name)
        if instant is not None:
            written[name] = instant.isoformat()
    return written


def _step_from_json(written: Mapping[str, Any]) -> StepState:
    return StepState(
        name=written["name"],
        since=datetime.fromisoformat(written["since"]),
        fired_at=_instant(written.get("fired_at")),
        false_since=_instant(written.get("false_since")),
        notified_at=_instant(written.get("notified_at")),
        told=written.get("told", UNKNOWN),
    )


def _instant(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
