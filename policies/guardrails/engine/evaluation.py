"""One guardrail on one scope at one instant: what is in force, what starts, what ends, and why.

Conditions gate the start of steps only. Missing, stale or failing facts hold the state exactly: nothing starts,
nothing ends, and the time without data counts for nothing. The highest firing step is in force; lower ones keep firing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from governance.documents.engine.cel import Binding, Failure, Program, Value
from governance.documents.engine.tokens import Words
from policies.guardrails.documents import GuardrailPolicy
from policies.guardrails.engine import ladder, matching
from policies.guardrails.engine.context import ScopeContext
from policies.guardrails.engine.enforcement import constraints_in_force, withheld
from policies.guardrails.engine.evidence import Evidence, gathered, sentence
from policies.guardrails.engine.notices import Rungs
from policies.guardrails.engine.plan import CompiledStep, DeclaredFact
from policies.guardrails.engine.types import (
    IDLE,
    Evaluation,
    FactKey,
    Facts,
    GuardrailState,
    Held,
    HoldEnded,
    Level,
    ScopeView,
    Severity,
    StepEnded,
    StepOutcome,
    StepStarted,
    StepState,
    Transition,
)
from policies.guardrails.errors import Finding

__all__ = ["CompiledPolicy", "ScopeContext", "evaluate"]


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A guardrail ready to run. ``findings`` are the lint's warnings; ``quiet`` is false when surely no step starts."""

    document: GuardrailPolicy
    facts: tuple[DeclaredFact, ...]
    params: Mapping[str, Value]
    variables: Mapping[str, tuple[Words, Program]]
    conditions: Mapping[str, tuple[Words, Program]]
    steps: tuple[CompiledStep, ...]
    quiet: Program
    required: frozenset[str]
    max_ages: tuple[tuple[str, float], ...]
    fact_keys: frozenset[FactKey]
    findings: tuple[Finding, ...] = ()

    @property
    def name(self) -> str:
        return self.document.metadata.name

    @property
    def level(self) -> Level:
        return self.document.spec.enforcement.level

    def matches(self, scope: ScopeView) -> bool:
        return matching.matches(self.document.spec, scope)

    def evaluate(self, context: ScopeContext, previous: GuardrailState | None) -> Evaluation:
        """``IDLE`` itself when nothing is remembered and nothing happens."""
        if previous is None and self._is_quiet(context):
            return IDLE
        return self.explain(context, previous)

    def explain(self, context: ScopeContext, previous: GuardrailState | None) -> Evaluation:
        """The same outcome with its reason and inputs even when idle."""
        unusable = tuple(self._unusable(context))
        blind = [sentence for fact, sentence, _ in unusable if not fact.is_optional]
        stale = {fact.name for fact, _, why in unusable if why == "stale"}
        binding = context.bound_without(stale) if stale else context.binding
        seen = gathered(
            context,
            binding,
            facts=self.facts,
            params=self.params,
            variables=self.variables,
            conditions=self.conditions,
        )
        steps_before = previous.steps if previous else ()
        if blind and not steps_before and all(why == "absent" for fact, _, why in unusable if not fact.is_optional):
            return self._nothing_to_measure(blind, previous, seen)
        if blind:
            return self._held("no_data", "; ".join(blind), previous, seen, context.at)
        return self._decided(binding, previous, seen, context.at)

    def withdraw(self, previous: GuardrailState | None, at: datetime, reason: str) -> Evaluation:
        """Every step ends: the guardrail is gone, the scope no longer matches or its period is over."""
        firing = [step for step in (previous.steps if previous else ()) if step.is_firing]
        ended = tuple(StepEnded(step.name, self._severity(step.name), reason) for step in firing)
        return Evaluation(status="idle", transitions=ended, reason=reason, inputs={"at": at.isoformat()})

    def hold(self, previous: GuardrailState | None, at: datetime, why: str) -> Evaluation:
        """The state is held as it is because the evaluation itself failed."""
        return self._held("error", why, previous, Evidence({}, {}, {}, {}, {"at": at.isoformat()}), at)

    def _is_quiet(self, context: ScopeContext) -> bool:
        if not self.required <= context.present:
            return self.required - context.present <= context.absent
        for name, limit in self.max_ages:
            if context.ages.get(name, 0.0) > limit:
                return False
        return self.quiet.is_false(context.binding)

    def _unusable(
        self, context: ScopeContext
    ) -> Iterator[tuple[DeclaredFact, str, Literal["absent", "missing", "stale"]]]:
        for fact in self.facts:
            if fact.name in context.absent:
                yield fact, f"there is no {fact.alias} ({fact.key}) for {context.scope.path}", "absent"
            elif fact.name not in context.present:
                yield fact, f"{fact.alias} ({fact.key}) is missing", "missing"
            elif fact.max_age is not None and context.ages[fact.name] > fact.max_age.total_seconds():
                age = f"{context.ages[fact.name]:.0f} s old, more than max_age {fact.max_age.total_seconds():.0f} s"
                yield fact, f"{fact.alias} ({fact.key}) is stale: {age}", "stale"

    def _nothing_to_measure(self, blind: list[str], previous: GuardrailState | None, seen: Evidence) -> Evaluation:
        reason = sentence("; ".join(blind))
        returned = (HoldEnded(reason),) if previous and previous.held_since else ()
        return Evaluation(status="idle", transitions=returned, reason=reason, inputs=seen.inputs)

    def _held(
        self,
        held_as: Literal["no_data", "error"],
        why: str,
        previous: GuardrailState | None,
        seen: Evidence,
        at: datetime,
    ) -> Evaluation:
        before = previous or GuardrailState()
        reason = sentence(f"Held: {why}")
        is_new = before.held_as != held_as
        state = replace(before, held_since=before.held_since or at, held_as=held_as) if is_new else before
        firing = {step.name: step for step in before.steps if step.is_firing}
        in_force = self._firing_from_the_top(firing)
        return Evaluation(
            status=held_as,
            state=state,
            step=next((step.name for step in in_force), ""),
            steps=tuple(StepOutcome(step.name, _status(before.step(step.name)), None, reason) for step in self.steps),
            transitions=(Held(held_as, reason),) if is_new else (),
            constraints=tuple(
                constraint
                for step in in_force
                for constraint in constraints_in_force(self.level, step, firing[step.name], reason, None)
            ),
            withheld=withheld(self.level, in_force),
            reason=reason,
            inputs=seen.inputs,
        )

    def _decided(self, binding: Binding, previous: GuardrailState | None, seen: Evidence, at: datetime) -> Evaluation:
        before = _resumed(previous, at)
        gate = _all_hold(seen.conditions)
        moves: dict[str, tuple[bool, ladder.Moved]] = {}
        for step in self.steps:
            outcome = self._move(step, before.get(step.name), binding, at, gate=gate)
            if isinstance(outcome, Failure):
                held_as: Literal["no_data", "error"] = "no_data" if outcome.missing else "error"
                return self._held(held_as, f"step {step.name}: {self._why(outcome)}", previous, seen, at)
            moves[step.name] = outcome
        return self._reported(previous, before, moves, seen, binding, at)

    def _move(
        self, step: CompiledStep, before: StepState | None, binding: Binding, at: datetime, *, gate: bool | Failure
    ) -> tuple[bool, ladder.Moved] | Failure:
        is_firing = before is not None and before.is_firing
        if not is_firing and gate is False:
            return False, ladder.Moved(None)
        holds = step.when.evaluate(binding)
        if isinstance(holds, Failure):
            return holds
        if isinstance(gate, Failure) and not is_firing and holds:
            return gate
        releases = None
        if is_firing and not holds and step.release is not None:
            releases = step.release.evaluate(binding)
            if isinstance(releases, Failure):
                return releases
        starts = holds is True and gate is True
        return bool(holds), ladder.moved(
            step.name, step.timing, before, starts=starts, holds=bool(holds), releases=_flag(releases), at=at
        )

    def _reported(
        self,
        previous: GuardrailState | None,
        before: Mapping[str, StepState],
        moves: Mapping[str, tuple[bool, ladder.Moved]],
        seen: Evidence,
        binding: Binding,
        at: datetime,
    ) -> Evaluation:
        reasons = {
            step.name: seen.step_reason(step, moves[step.name][1], at, holds=moves[step.name][0]) for step in self.steps
        }
        firing = {name: move.state for name, (_, move) in moves.items() if move.state and move.state.is_firing}
        in_force = self._firing_from_the_top(firing)
        top = next((step.name for step in in_force), "")
        kept = {name: move.state for name, (_, move) in moves.items() if move.state}
        rungs = Rungs(self.level, tuple(reversed(in_force)), before, kept, reasons, at)
        actions, told = tuple(rungs.actions()), rungs.states()
        kept |= told
        due = [move.due_at for _, move in moves.values() if move.due_at]
        if top and (repeat_at := ladder.next_repeat_at(self._step(top).actions, kept[top], at)):
            due.append(repeat_at)
        steps = tuple(
            StepOutcome(step.name, _status(kept.get(step.name)), moves[step.name][0], reasons[step.name])
            for step in self.steps
        )
        leading = next((outcome for outcome in reversed(steps) if outcome.status == "firing"), None) or next(
            (outcome for outcome in reversed(steps) if outcome.status == "pending"), steps[-1]
        )
        return Evaluation(
            status=leading.status,
            state=GuardrailState(tuple(kept.values())) if kept else None,
            step=top,
            steps=steps,
            transitions=tuple(self._transitions(previous, before, kept, reasons)),
            actions=actions,
            constraints=tuple(
                constraint
                for step in in_force
                for constraint in constraints_in_force(self.level, step, firing[step.name], reasons[step.name], binding)
            ),
            withheld=withheld(self.level, in_force),
            reason=leading.reason if kept else seen.closed_gate_reason() or leading.reason,
            inputs={**seen.inputs, "steps": {name: holds for name, (holds, _) in moves.items()}},
            next_due_at=min(due, default=None),
        )

    def _transitions(
        self,
        previous: GuardrailState | None,
        before: Mapping[str, StepState],
        after: Mapping[str, StepState],
        reasons: Mapping[str, str],
    ) -> Iterator[Transition]:
        if previous and previous.held_since:
            yield HoldEnded("The facts are back.")
        for step in self.steps:
            was, is_ = _is_firing(before.get(step.name)), _is_firing(after.get(step.name))
            if is_ and not was:
                yield StepStarted(step.name, step.severity, reasons[step.name])
            elif was and not is_:
                yield StepEnded(step.name, step.severity, reasons[step.name])
        known = {step.name for step in self.steps}
        for name, state in before.items():
            if name not in known and state.is_firing:
                yield StepEnded(name, self._severity(name), f"Step {name} is no longer in the guardrail.")

    def _firing_from_the_top(self, firing: Mapping[str, StepState]) -> list[CompiledStep]:
        return [step for step in reversed(self.steps) if step.name in firing]

    def _why(self, failure: Failure) -> str:
        alias = next((fact.alias for fact in self.facts if fact.name == failure.missing), "")
        return f"{alias} is missing" if alias else failure.message

    def _step(self, name: str) -> CompiledStep:
        return next(step for step in self.steps if step.name == name)

    def _severity(self, name: str) -> Severity:
        return next((step.severity for step in self.steps if step.name == name), self.document.spec.severity)


def evaluate(
    compiled: CompiledPolicy, scope: ScopeView, facts: Facts, previous: GuardrailState | None, at: datetime
) -> Evaluation:
    """One evaluation on its own; for many guardrails on one scope share a ScopeContext."""
    return compiled.evaluate(ScopeContext(scope, facts, at), previous)


def _resumed(previous: GuardrailState | None, at: datetime) -> dict[str, StepState]:
    if previous is None:
        return {}
    gap = at - previous.held_since if previous.held_since else timedelta(0)
    return {step.name: ladder.after_gap(step, gap) if gap else step for step in previous.steps}


def _all_hold(conditions: Mapping[str, Value | Failure]) -> bool | Failure:
    """False when any is certainly false; otherwise the first failure, if any; otherwise true."""
    if any(value is False for value in conditions.values()):
        return False
    return next((value for value in conditions.values() if isinstance(value, Failure)), True)


def _is_firing(state: StepState | None) -> bool:
    return state is not None and state.is_firing


def _status(state: StepState | None) -> Literal["idle", "pending", "firing"]:
    if state is None:
        return "idle"
    return "firing" if state.is_firing else "pending"


def _flag(value: Value | Failure | None) -> bool | None:
    return None if value is None else value is True
