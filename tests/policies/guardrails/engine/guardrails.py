"""Guardrails and facts as the engine's tests write them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from policies.guardrails.documents import GuardrailPolicy, parse_guardrail
from policies.guardrails.engine.compilation import compile_policy
from policies.guardrails.engine.evaluation import CompiledPolicy, evaluate
from policies.guardrails.engine.types import Evaluation, FactValue, GuardrailState, ScopeView

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
SCOPE = ScopeView(7, "acme/search", labels={"env": "prod"}, environment="prod")
NOTIFY = {"notify": {"to": ["owner"]}}
BLOCK: dict[str, Any] = {"block": {}}
FACTS = {"spend": {"fact": "cost", "window": "24h"}, "allowance": {"fact": "budget.daily_share"}}


def at(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


def step(name: str, when: str, **rest: Any) -> dict[str, Any]:
    return {"name": name, "when": when, "actions": [NOTIFY], **rest}


def document(*steps: dict[str, Any], level: str = "hard_mandatory", **spec: Any) -> GuardrailPolicy:
    return parse_guardrail(
        {
            "apiVersion": "weir/v1",
            "kind": "GuardrailPolicy",
            "metadata": {"name": "tried"},
            "spec": {"match": {}, "facts": FACTS, "steps": list(steps), "enforcement": {"level": level}, **spec},
        }
    )


def compiled(*steps: dict[str, Any], **spec: Any) -> CompiledPolicy:
    return compile_policy(document(*steps, **spec), with_lint=False)


def facts(
    policy: CompiledPolicy, values: Mapping[str, Any], now: datetime, *, age: float = 0.0
) -> dict[Any, FactValue]:
    """By alias; None is a missing sample, "absent" something that does not exist."""
    keys = {fact.alias: fact.key for fact in policy.facts}
    return {
        keys[name]: FactValue(
            value=None if value == "absent" else value, as_of=now, age_seconds=age, absent=value == "absent"
        )
        for name, value in values.items()
    }


def played(policy: CompiledPolicy, *moments: tuple[float, Mapping[str, Any]]) -> list[Evaluation]:
    """One evaluation after the other: minutes after AT and the facts then; every state crosses JSON."""
    state: GuardrailState | None = None
    outcomes = []
    for minutes, values in moments:
        now = at(minutes)
        outcome = evaluate(policy, SCOPE, facts(policy, values, now), state, now)
        state = GuardrailState.from_json(outcome.state.to_json()) if outcome.state else None
        outcomes.append(outcome)
    return outcomes
