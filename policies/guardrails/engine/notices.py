"""Who is told what, and when: the step in force, once; what comes to be limited while it is in force; and repeats.

A jump over several steps is one notice, that of the highest. A step below the one in force tells nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from policies.guardrails.engine import ladder
from policies.guardrails.engine.constraint_kinds import ConstraintKind, fingerprint
from policies.guardrails.engine.enforcement import permits
from policies.guardrails.engine.plan import CompiledStep
from policies.guardrails.engine.types import UNKNOWN, Action, Level, Notify, PlannedAction, StepState, Trigger


@dataclass(frozen=True, slots=True)
class Rungs:
    """The steps that fire after a move, the lowest first, with their state before it and after it."""

    level: Level
    steps: Sequence[CompiledStep]
    before: Mapping[str, StepState]
    after: Mapping[str, StepState]
    reasons: Mapping[str, str]
    at: datetime

    def actions(self) -> Iterator[PlannedAction]:
        """What is to be done now, as far as the level permits, in the order of the steps."""
        told = self._told
        for step in self.steps:
            due: list[tuple[Trigger, Action]] = []
            if told is not None and told[0] is step:
                due += [(told[1], action) for action in step.actions if isinstance(action, Notify)]
            elif step is self.steps[-1] and told is None:
                due += [("repeat", action) for action in self._repeats(step)]
            if not self._was_firing(step):
                due += [("started", action) for action in step.actions if isinstance(action, ConstraintKind)]
            for trigger, action in due:
                if permits(self.level, action):
                    yield PlannedAction(step.name, step.severity, action, trigger, self.reasons[step.name])

    def states(self) -> dict[str, StepState]:
        """The steps' states once the actions are done: repeats that came due are marked, whether sent or, below the
        step in force, passed over.
        """
        told = self._told is not None
        return {step.name: self._marked(step, self.after[step.name], told=told) for step in self.steps}

    def _marked(self, step: CompiledStep, state: StepState, *, told: bool) -> StepState:
        notified_at = self.at if any(self._repeats(step)) else state.notified_at
        limits = self._limits(step) if told or self._is_known(step) else state.told
        return StepState(state.name, state.since, state.fired_at, state.false_since, notified_at, limits)

    @property
    def _told(self) -> tuple[CompiledStep, Trigger] | None:
        """The step whose people are told now, and why."""
        if not self.steps:
            return None
        top = self.steps[-1]
        if not self._was_firing(top):
            started = [step for step in self.steps if not self._was_firing(step) and self._can_tell(step)]
            return (started[-1], "started") if started else None
        return (top, "changed") if self._can_tell(top) and any(map(self._is_untold, self.steps)) else None

    def _is_untold(self, step: CompiledStep) -> bool:
        """Whether it limits something that nobody was told of, or is in force and nobody was told at all."""
        told, limits = self.after[step.name].told, self._limits(step)
        if told is None:
            return bool(limits) or step is self.steps[-1]
        return bool(limits) and told not in {limits, UNKNOWN}

    def _is_known(self, step: CompiledStep) -> bool:
        """Whether nobody needs to be told that it limits what it limits now."""
        if self.after[step.name].told is not None:
            return not self._is_untold(step)
        return self.level != "dry_run" and step is not self.steps[-1] and not self._limits(step)

    def _limits(self, step: CompiledStep) -> str:
        return fingerprint(constraint for constraint in step.constraints if permits(self.level, constraint))

    def _can_tell(self, step: CompiledStep) -> bool:
        return any(isinstance(action, Notify) and permits(self.level, action) for action in step.actions)

    def _was_firing(self, step: CompiledStep) -> bool:
        state = self.before.get(step.name)
        return state is not None and state.is_firing

    def _repeats(self, step: CompiledStep) -> Iterator[Notify]:
        return ladder.due_repeats(step.actions, self.after[step.name], self.at)
