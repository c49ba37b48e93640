"""Laws that hold for every guardrail of a shape, every history and every instant."""

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from governance.documents.engine.cel import Environment, ExpressionError
from policies.guardrails.engine.context import ScopeContext
from policies.guardrails.engine.evaluation import evaluate
from policies.guardrails.engine.types import IDLE, Evaluation
from tests.policies.guardrails.engine.guardrails import AT, SCOPE, at, facts
from tests.policies.guardrails.engine.histories import LADDER, histories, read, run, spends


def rank(outcome: Evaluation) -> int:
    return ["", "warn", "slow", "stop"].index(outcome.step)


@given(histories)
def test_the_same_history_gives_the_same_outcomes(history: list[Any]) -> None:
    assert run(history) == run(history)


@given(histories, st.floats(0, 200), st.floats(0, 200))
@settings(max_examples=200)
def test_more_spend_never_unbreaches(history: list[Any], spend: float, more: float) -> None:
    """From any state, at the same instant, more spend leaves at least as high a step in force and every block."""
    state = run(history)[-1].state
    less, greater = (
        evaluate(LADDER, SCOPE, read(600, amount, 500.0, 0.0), state, at(600)) for amount in (spend, spend + more)
    )
    assert rank(greater) >= rank(less)
    assert {one.step for one in less.constraints} <= {one.step for one in greater.constraints}


@given(histories, st.integers(1, 100_000))
def test_missing_data_changes_nothing_in_force(history: list[Any], later: int) -> None:
    last = run(history)[-1]
    minutes = sum(gap for gap, *_ in history) + later
    held = evaluate(LADDER, SCOPE, read(minutes, None, 500.0, 0.0), last.state, at(minutes))
    steps = last.state.steps if last.state else ()
    assert held.status == "no_data"
    assert held.state is not None
    assert (held.state.steps, held.step, held.actions) == (steps, last.step, ())


@given(histories)
def test_every_step_starts_before_it_ends_and_once(history: list[Any]) -> None:
    in_force: set[str] = set()
    for outcome in run(history):
        for transition in outcome.transitions:
            name = getattr(transition, "step", None)
            if type(transition).__name__ == "StepStarted":
                assert name not in in_force
                in_force.add(str(name))
            if type(transition).__name__ == "StepEnded":
                in_force.remove(str(name))
        assert in_force == {one.name for one in outcome.steps if one.status == "firing"}


@given(spends, st.sampled_from([0.0, 3.0, 10.0]), st.sampled_from([0.0, 1000.0]), st.sampled_from([0.0, 100.0]))
def test_the_short_cut_agrees_with_the_long_way(
    spend: float | None, calls: float, age: float, allowance: float
) -> None:
    values = facts(LADDER, {"spend": spend, "allowance": allowance, "calls": calls}, AT, age=age)
    context = ScopeContext(SCOPE, values, AT)
    short, long = LADDER.evaluate(context, None), LADDER.explain(context, None)
    assert (short is IDLE) == (long.status == "idle")
    assert short.state == long.state


@given(st.text(max_size=60))
def test_any_text_is_a_program_or_an_expression_error(text: str) -> None:
    environment = Environment({"spend": "double"})
    with contextlib.suppress(ExpressionError):
        assert environment.compile(text, wanted="bool").kind == "bool"
