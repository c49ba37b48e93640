"""Who is told what, and when: one row per story, each moment with its document, its spend and what is told."""

from typing import Any

import pytest

from policies.guardrails.engine.evaluation import evaluate
from policies.guardrails.engine.types import GuardrailState, Notify
from tests.policies.guardrails.engine.guardrails import AT, BLOCK, NOTIFY, SCOPE, at, compiled, facts, step

WARN = step("warn", "spend >= 80")
WARN_LATE = step("warn", "spend >= 80", **{"for": "15m"})
STOP = step("stop", "spend >= 100", actions=[NOTIFY, BLOCK])
TELLS_ONLY = step("stop", "spend >= 100")
BLOCKS_ONLY = step("stop", "spend >= 100", actions=[BLOCK])
O3 = step("stop", "spend >= 100", actions=[NOTIFY, {"block": {"models": ["o3"]}}])
O3_REWORDED = step("stop", "spend >= 100", actions=[NOTIFY, {"block": {"models": ["o3"], "message": "No o3."}}])
EVERYTHING = step("stop", "spend >= 100", actions=[NOTIFY, {"block": {"models": ["*"]}}])
SLOW = step("slow", "spend >= 90", actions=[NOTIFY, {"block": {"models": ["o3"]}}])
HARD, ADVISORY, DRY = "hard_mandatory", "advisory", "dry_run"
Moment = tuple[list[dict[str, Any]], str, float, list[tuple[str, str]]]


@pytest.mark.parametrize(
    "story",
    [
        pytest.param([([WARN, STOP], HARD, 500, [("stop", "started")]), ([WARN, STOP], HARD, 500, [])],
                     id="a jump over two steps is one notice, that of the step in force"),
        pytest.param([([WARN, STOP], HARD, 500, [("stop", "started")]), ([WARN, STOP], HARD, 90, []),
                      ([WARN, STOP], HARD, 500, [("stop", "started")])],
                     id="on the way down nobody is told of the lower step; the higher starts anew"),
        pytest.param([([WARN, STOP], HARD, 90, [("warn", "started")]),
                      ([WARN, STOP], HARD, 500, [("stop", "started")])],
                     id="one step after the other"),
        pytest.param([([WARN, BLOCKS_ONLY], HARD, 500, [("warn", "started")]), ([WARN, BLOCKS_ONLY], HARD, 500, [])],
                     id="of a step that tells nobody the step below tells"),
        pytest.param([([STOP], DRY, 500, []), ([STOP], DRY, 600, []), ([STOP], HARD, 600, [("stop", "changed")]),
                      ([STOP], HARD, 700, [])], id="raised from a dry run"),
        pytest.param([([WARN, STOP], DRY, 500, []), ([WARN, STOP], HARD, 500, [("stop", "changed")]),
                      ([WARN, STOP], HARD, 90, [])], id="raised from a dry run: one notice of two steps"),
        pytest.param([([STOP], DRY, 500, []), ([STOP], ADVISORY, 500, [("stop", "changed")]),
                      ([STOP], HARD, 500, [("stop", "changed")])], id="raised twice: told, then told of the block"),
        pytest.param([([STOP], ADVISORY, 500, [("stop", "started")]), ([STOP], HARD, 500, [("stop", "changed")])],
                     id="raised from advice: somebody is held back from now on"),
        pytest.param([([STOP], HARD, 500, [("stop", "started")]), ([STOP], ADVISORY, 500, []),
                      ([STOP], HARD, 500, [("stop", "changed")])], id="lowered and raised again"),
        pytest.param([([TELLS_ONLY], HARD, 500, [("stop", "started")]), ([STOP], HARD, 500, [("stop", "changed")])],
                     id="a block is added"),
        pytest.param([([O3], HARD, 500, [("stop", "started")]), ([STOP], HARD, 500, [("stop", "changed")])],
                     id="more models are blocked"),
        pytest.param([([O3], HARD, 500, [("stop", "started")]), ([O3_REWORDED], HARD, 500, [])],
                     id="another message limits nothing more"),
        pytest.param([([STOP], HARD, 500, [("stop", "started")]), ([EVERYTHING], HARD, 500, [])],
                     id="every model is every model, however it is written"),
        pytest.param([([BLOCKS_ONLY], HARD, 500, []), ([STOP], HARD, 500, [("stop", "changed")])],
                     id="somebody to be told is added"),
        pytest.param([([STOP], ADVISORY, 500, [("stop", "started")]), ([SLOW, STOP], ADVISORY, 500, []),
                      ([SLOW, STOP], ADVISORY, 95, [])], id="a lower step is added below the one in force"),
    ],
)  # fmt: skip
def test_a_story(story: list[Moment]) -> None:
    state: GuardrailState | None = None
    told = []
    for minute, (steps, level, spend, _) in enumerate(story):
        policy = compiled(*steps, level=level)
        values = facts(policy, {"spend": float(spend), "allowance": 1.0}, at(minute))
        outcome = evaluate(policy, SCOPE, values, state, at(minute))
        assert outcome.state is not None
        state = GuardrailState.from_json(outcome.state.to_json())
        told.append([(one.step, one.trigger) for one in outcome.actions if isinstance(one.action, Notify)])
    assert told == [wanted for *_, wanted in story]


def test_a_step_that_waits_below_the_one_in_force_tells_nobody() -> None:
    policy = compiled(WARN_LATE, STOP)
    first = evaluate(policy, SCOPE, facts(policy, {"spend": 500.0, "allowance": 1.0}, AT), None, AT)
    later = evaluate(policy, SCOPE, facts(policy, {"spend": 500.0, "allowance": 1.0}, at(15)), first.state, at(15))
    assert [one.step for one in first.actions] == ["stop", "stop"]
    assert (later.step, [one.status for one in later.steps], later.actions) == ("stop", ["firing", "firing"], ())


def test_what_an_older_version_told_is_taken_for_what_holds() -> None:
    policy = compiled(STOP)
    values = facts(policy, {"spend": 500.0, "allowance": 1.0}, AT)
    written = evaluate(policy, SCOPE, values, None, AT).state.to_json()  # type: ignore[union-attr]  # it fires
    del written["steps"][0]["told"]
    outcome = evaluate(policy, SCOPE, values, GuardrailState.from_json(written), at(5))
    assert outcome.actions == ()
    assert outcome.state is not None
    assert outcome.state.steps[0].told == "block *"
