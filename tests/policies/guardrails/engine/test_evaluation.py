"""The state machine as stories: minutes, spend, wanted state and step in force."""

import math
from typing import Any

import pytest

from policies.guardrails.engine.context import ScopeContext
from policies.guardrails.engine.evaluation import evaluate
from policies.guardrails.engine.types import (
    IDLE,
    FactValue,
    GuardrailState,
    Held,
    HoldEnded,
    StepEnded,
    StepStarted,
    StepState,
)
from tests.policies.guardrails.engine.guardrails import (
    AT,
    BLOCK,
    NOTIFY,
    SCOPE,
    at,
    compiled,
    facts,
    played,
    step,
)

WARN = step("warn", "spend >= 80")


STOP = step("stop", "spend >= 100", actions=[NOTIFY, BLOCK])


Moment = tuple[float, float | None, str, str]


@pytest.mark.parametrize(
    ("steps", "story"),
    [
        pytest.param(
            [WARN, STOP], [(0, 0, "idle", ""), (5, 79, "idle", "")], id="below every threshold nothing happens"
        ),
        pytest.param([WARN, STOP], [(0, 80, "firing", "warn"), (5, 100, "firing", "stop")], id="the ladder is climbed"),
        pytest.param([WARN, STOP], [(0, 500, "firing", "stop")], id="the highest step that holds is in force"),
        pytest.param(
            [WARN, STOP], [(0, 100, "firing", "stop"), (5, 90, "firing", "warn"), (9, 10, "idle", "")], id="and down"
        ),
        pytest.param(
            [step("warn", "spend >= 80", **{"for": "15m"})],
            [(0, 80, "pending", ""), (14, 90, "pending", ""), (15, 90, "firing", "warn")],
            id="`for` is waited out",
        ),
        pytest.param(
            [step("warn", "spend >= 80", **{"for": "15m"})],
            [(0, 80, "pending", ""), (10, 10, "idle", ""), (20, 80, "pending", ""), (30, 80, "pending", "")],
            id="an interruption starts `for` again",
        ),
        pytest.param(
            [step("warn", "spend >= 80", keep_firing_for="30m")],
            [(0, 80, "firing", "warn"), (10, 0, "firing", "warn"), (39, 0, "firing", "warn"), (40, 0, "idle", "")],
            id="`keep_firing_for` counts from when the condition stopped holding",
        ),
        pytest.param(
            [step("warn", "spend >= 80", keep_firing_for="30m")],
            [
                (0, 80, "firing", "warn"),
                (10, 0, "firing", "warn"),
                (20, 90, "firing", "warn"),
                (45, 0, "firing", "warn"),
            ],
            id="holding again starts `keep_firing_for` again",
        ),
        pytest.param(
            [step("stop", "spend >= 100", min_hold="30m")],
            [(0, 100, "firing", "stop"), (29, 0, "firing", "stop"), (30, 0, "idle", "")],
            id="`min_hold` counts from when it fired",
        ),
        pytest.param(
            [step("stop", "spend >= 100", release="spend < 70")],
            [(0, 100, "firing", "stop"), (5, 80, "firing", "stop"), (10, 70, "firing", "stop"), (15, 69, "idle", "")],
            id="between `when` and `release` it stays",
        ),
        pytest.param(
            [step("stop", "spend >= 100", release="spend < 200")],
            [(0, 100, "firing", "stop"), (60, 150, "firing", "stop")],
            id="while `when` holds, `release` is not asked",
        ),
        pytest.param(
            [step("stop", "spend >= 100", release="spend < 70", min_hold="30m")],
            [(0, 100, "firing", "stop"), (10, 0, "firing", "stop"), (31, 80, "firing", "stop"), (32, 0, "idle", "")],
            id="`release` and `min_hold` must both allow it",
        ),
        pytest.param(
            [WARN, STOP],
            [
                (0, 100, "firing", "stop"),
                (5, None, "no_data", "stop"),
                (600, None, "no_data", "stop"),
                (605, 10, "idle", ""),
            ],
            id="missing data does not release",
        ),
        pytest.param(
            [WARN],
            [(0, 10, "idle", ""), (5, None, "no_data", ""), (10, 10, "idle", "")],
            id="missing data does not fire",
        ),
        pytest.param(
            [step("warn", "spend >= 80", **{"for": "15m"})],
            [
                (0, 80, "pending", ""),
                (5, None, "no_data", ""),
                (60, 80, "pending", ""),
                (69, 80, "pending", ""),
                (70, 80, "firing", "warn"),
            ],
            id="time without data does not count for `for`",
        ),
        pytest.param(
            [step("warn", "spend >= 80", keep_firing_for="30m")],
            [
                (0, 80, "firing", "warn"),
                (10, 0, "firing", "warn"),
                (15, None, "no_data", "warn"),
                (60, 0, "firing", "warn"),
                (85, 0, "idle", ""),
            ],
            id="time without data does not count for `keep_firing_for`",
        ),
    ],
)
def test_a_story_of_one_scope(steps: list[dict[str, Any]], story: list[Moment]) -> None:
    policy = compiled(*steps)
    outcomes = played(policy, *((minute, {"spend": spend, "allowance": 1.0}) for minute, spend, _, _ in story))
    assert [(one.status, one.step) for one in outcomes] == [(status, name) for _, _, status, name in story]


def test_a_jump_over_both_thresholds_starts_both_steps_and_tells_of_the_highest() -> None:
    policy = compiled(WARN, STOP)
    first, second = played(policy, (0, {"spend": 500.0, "allowance": 1.0}), (5, {"spend": 600.0, "allowance": 1.0}))
    assert [(type(one), one.step) for one in first.transitions if isinstance(one, StepStarted)] == [
        (StepStarted, "warn"),
        (StepStarted, "stop"),
    ]
    assert [(one.step, one.action.kind, one.trigger) for one in first.actions] == [
        ("stop", "notify", "started"),
        ("stop", "block", "started"),
    ]
    assert (second.transitions, second.actions) == ((), ())
    assert [one.step for one in second.constraints] == ["stop"]
    assert second.state == first.state


def test_conditions_gate_the_start_and_not_the_release() -> None:
    policy = compiled(
        step("stop", "spend >= 100", release="spend < 70"), conditions={"busy": "calls >= 100"}, facts={
            "spend": {"fact": "cost", "window": "24h"},
            "calls": {"fact": "requests", "window": "24h"},
        },
    )  # fmt: skip
    outcomes = played(
        policy,
        (0, {"spend": 500.0, "calls": 10.0}),
        (5, {"spend": 500.0, "calls": 100.0}),
        (10, {"spend": 500.0, "calls": 10.0}),
        (15, {"spend": 10.0, "calls": 10.0}),
    )
    assert [one.status for one in outcomes] == ["idle", "firing", "firing", "idle"]


def test_a_hold_is_told_of_once_and_its_end_too() -> None:
    given, missing = {"spend": 90.0, "allowance": 1.0}, {"spend": None, "allowance": 1.0}
    outcomes = played(compiled(WARN, STOP), (0, given), (5, missing), (10, missing), (15, given))
    reason = "Held: spend (cost.24h) is missing."
    assert [one.transitions for one in outcomes[1:]] == [
        (Held("no_data", reason),),
        (),
        (HoldEnded("The facts are back."),),
    ]
    assert [one.state for one in outcomes[1:3]] == [
        GuardrailState(
            (StepState("warn", AT, fired_at=AT, notified_at=AT, told=""),), held_since=at(5), held_as="no_data"
        )
    ] * 2


def test_blocks_stay_in_force_while_held() -> None:
    outcomes = played(compiled(STOP), (0, {"spend": 100.0, "allowance": 1.0}), (5, {"spend": None, "allowance": 1.0}))
    assert [(one.step, one.since, one.reason) for one in outcomes[1].constraints] == [
        ("stop", AT, "Held: spend (cost.24h) is missing.")
    ]


def test_a_stale_fact_holds_like_a_missing_one() -> None:
    policy = compiled(STOP, facts={"spend": {"fact": "cost", "window": "24h", "max_age": "15m"}})
    statuses = [
        evaluate(policy, SCOPE, facts(policy, {"spend": 500.0}, AT, age=age), None, AT).status for age in (900.0, 901.0)
    ]
    assert statuses == ["firing", "no_data"]


def test_a_zero_divisor_holds_with_its_reason() -> None:
    read = {"spend": {"fact": "cost", "window": "24h"}, "calls": {"fact": "requests", "window": "24h"}}
    policy = compiled(step("stop", "each >= 1"), facts=read, variables={"each": "spend / calls"})
    outcome = played(policy, (0, {"spend": 10.0, "calls": 0.0}))[0]
    assert (outcome.status, outcome.reason) == ("error", "Held: step stop: division by zero.")


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, "1e9"])
def test_what_is_not_a_finite_number_never_fires(value: Any) -> None:
    assert played(compiled(STOP), (0, {"spend": value, "allowance": 1.0}))[0].status == "no_data"


def test_a_withdrawn_guardrail_ends_every_step() -> None:
    policy = compiled(WARN, STOP)
    state = played(policy, (0, {"spend": 100.0, "allowance": 1.0}))[0].state
    outcome = policy.withdraw(state, at(5), "retired")
    assert (outcome.state, outcome.constraints) == (None, ())
    assert outcome.transitions == (StepEnded("warn", "medium", "retired"), StepEnded("stop", "medium", "retired"))


def test_a_step_that_left_the_document_ends() -> None:
    state = played(compiled(WARN, STOP), (0, {"spend": 100.0, "allowance": 1.0}))[0].state
    policy = compiled(WARN)
    outcome = evaluate(policy, SCOPE, facts(policy, {"spend": 100.0, "allowance": 1.0}, at(5)), state, at(5))
    assert outcome.transitions == (StepEnded("stop", "medium", "Step stop is no longer in the guardrail."),)
    assert outcome.step == "warn"


def test_idle_is_one_shared_outcome_and_can_still_be_explained() -> None:
    policy = compiled(WARN, conditions={"some": "spend >= 20"})
    context = ScopeContext(SCOPE, facts(policy, {"spend": 10.0, "allowance": 1.0}, AT), AT)
    assert policy.evaluate(context, None) is IDLE
    explained = policy.explain(context, None)
    assert (explained.status, explained.state) == ("idle", None)
    assert explained.reason == "condition some does not hold: spend 10.00 ≥ 20."
    assert explained.inputs == {
        "at": "2026-11-24T12:00:00+00:00",
        "facts": {
            "spend": {"fact": "cost", "window": "24h", "unit": "money", "value": 10.0,
                      "as_of": "2026-11-24T12:00:00+00:00", "age_seconds": 0.0},
            "allowance": {"fact": "budget.daily_share", "unit": "money", "value": 1.0,
                          "as_of": "2026-11-24T12:00:00+00:00", "age_seconds": 0.0},
        },
        "params": {},
        "variables": {},
        "conditions": {"some": False},
        "steps": {"warn": False},
    }  # fmt: skip


def test_a_fact_the_loader_did_not_give_is_missing() -> None:
    policy = compiled(STOP)
    key = next(fact.key for fact in policy.facts if fact.alias == "spend")
    outcome = evaluate(policy, SCOPE, {key: FactValue(500.0, AT)}, None, AT)
    assert (outcome.status, outcome.reason) == ("no_data", "Held: allowance (budget.daily_share.money) is missing.")
