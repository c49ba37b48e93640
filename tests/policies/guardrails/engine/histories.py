from typing import Any

from hypothesis import strategies as st

from policies.guardrails.engine.evaluation import evaluate
from policies.guardrails.engine.types import Evaluation, GuardrailState
from tests.policies.guardrails.engine.guardrails import BLOCK, NOTIFY, SCOPE, at, compiled, facts, step

LADDER = compiled(
    step("warn", "used >= 0.8", **{"for": "10m"}, keep_firing_for="20m"),
    step("slow", "used >= 0.9 && calls >= 10", release="used < 0.7"),
    step("stop", "used >= 1", release="used < 0.8", min_hold="30m", actions=[NOTIFY, BLOCK]),
    variables={"used": "spend / allowance"},
    conditions={"busy": "calls >= 5"},
    facts={
        "spend": {"fact": "cost", "window": "24h", "max_age": "15m"},
        "allowance": {"fact": "budget.daily_share"},
        "calls": {"fact": "requests", "window": "24h"},
    },
)


spends = st.one_of(st.none(), st.floats(0, 300), st.sampled_from([79.0, 80.0, 90.0, 99.99, 100.0]))


moments = st.tuples(
    st.integers(1, 40), spends, st.sampled_from([0.0, 3.0, 10.0, 500.0]), st.sampled_from([0.0, 60.0, 1000.0])
)


histories = st.lists(moments, min_size=1, max_size=12)


def read(minutes: int, spend: float | None, calls: float, age: float) -> Any:
    return facts(LADDER, {"spend": spend, "allowance": 100.0, "calls": calls}, at(minutes), age=age)


def run(history: list[Any], state: GuardrailState | None = None) -> list[Evaluation]:
    outcomes, minutes = [], 0
    for gap, spend, calls, age in history:
        minutes += gap
        outcomes.append(evaluate(LADDER, SCOPE, read(minutes, spend, calls, age), state, at(minutes)))
        state = outcomes[-1].state
    return outcomes
