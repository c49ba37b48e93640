"""The values that one evaluation read, for the decision log, and the reasons made from them, for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.documents.engine.cel import Binding, Failure, Program, Value
from governance.documents.engine.tokens import Words
from policies.guardrails.engine import ladder, wording
from policies.guardrails.engine.context import ScopeContext
from policies.guardrails.engine.facts import unit_of
from policies.guardrails.engine.plan import CompiledStep, DeclaredFact
from policies.guardrails.engine.types import FactKey, FactValue, Scalar

Expressions = Mapping[str, tuple[Words, Program]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """``written`` holds each name's value as text; ``conditions`` as evaluated; ``inputs`` is JSON."""

    written: Mapping[str, str]
    variables: Expressions
    condition_words: Mapping[str, Words]
    conditions: Mapping[str, Value | Failure]
    inputs: Mapping[str, Any]

    def step_reason(self, step: CompiledStep, move: ladder.Moved, at: datetime, *, holds: bool) -> str:
        written = self._with_values(step.words)
        state = move.state
        if state is None:
            return sentence(f"{step.name} is not in force: {written}{'' if holds else ' does not hold'}")
        if not state.is_firing:
            return sentence(f"{written} since {ladder.clock(state.since)}: {move.note}")
        if not holds:
            return sentence(f"{written} no longer holds: {move.note}{self._release_written(step, move)}")
        lasting = f" for {wording.lasting(at - state.since)}" if step.timing.for_ else ""
        return sentence(f"{written}{lasting}")

    def closed_gate_reason(self) -> str:
        """The first condition that does not hold, "" when none stands in the way."""
        closed = next((name for name, value in self.conditions.items() if value is False), None)
        if closed is None:
            return ""
        return sentence(f"condition {closed} does not hold: {self._with_values(self.condition_words[closed])}")

    def _release_written(self, step: CompiledStep, move: ladder.Moved) -> str:
        if step.release_words is None or move.due_at is not None:
            return ""
        return f" ({self._with_values(step.release_words)})"

    def _with_values(self, words: Words) -> str:
        read = dict.fromkeys(name.text for name in words.names if name.text in self.variables)
        made_of = [f"{name} = {wording.with_values(self.variables[name][0], self.written)}" for name in read]
        return wording.with_values(words, self.written) + (f" ({'; '.join(made_of)})" if made_of else "")


def gathered(
    context: ScopeContext,
    binding: Binding,
    *,
    facts: Sequence[DeclaredFact],
    params: Mapping[str, Value],
    variables: Expressions,
    conditions: Expressions,
) -> Evidence:
    values = {name: program.evaluate(binding) for name, (_, program) in variables.items()}
    held = {name: program.evaluate(binding) for name, (_, program) in conditions.items()}
    said = {fact.alias: _said(context, fact.key) for fact in facts}
    written = {alias: text for alias, (text, _) in said.items()}
    written |= {f"params.{name}": wording.number(value) for name, value in params.items()}
    written |= {name: wording.value_or_failure(value) for name, value in values.items()}
    inputs = {
        "at": context.at.isoformat(),
        "facts": {alias: read for alias, (_, read) in said.items()},
        "params": dict(params),
        "variables": {name: _logged(value) for name, value in values.items()},
        "conditions": {name: _logged(value) for name, value in held.items()},
    }
    return Evidence(written, variables, {name: words for name, (words, _) in conditions.items()}, held, inputs)


def sentence(text: str) -> str:
    """With a full stop. The first letter stays as it is, since it may begin a name."""
    return f"{text.rstrip('.')}."


def _said(context: ScopeContext, key: FactKey) -> tuple[str, Mapping[str, Any]]:
    """The fact as text and for the log."""
    known = context.said.get(key)
    if known is None:
        fact = context.facts.get(key)
        known = context.said[key] = (wording.fact(key, fact, context.scope.currency), _fact_read(key, fact))
    return known


def _fact_read(key: FactKey, fact: FactValue | None) -> dict[str, Any]:
    read: dict[str, Any] = {"fact": key.fact, "unit": unit_of(key), "value": None}
    if key.window:
        read["window"] = key.window
    if fact is not None and fact.share is not None:
        read |= {"used": str(fact.share[0]), "amount": str(fact.share[1]), "budget": key.unit}
    if fact is not None:
        read |= {"value": _json_value(fact), "as_of": fact.as_of.isoformat(), "age_seconds": round(fact.age_seconds, 3)}
    return read


def _json_value(fact: FactValue) -> Scalar | None:
    """Exact amounts and what JSON has no number for are written as text."""
    if fact.exact is not None:
        return str(fact.exact)
    return fact.value if not isinstance(fact.value, float) or math.isfinite(fact.value) else str(fact.value)


def _logged(value: Value | Failure) -> Value | dict[str, str]:
    return {"error": value.message} if isinstance(value, Failure) else value
