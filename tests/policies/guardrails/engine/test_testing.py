"""Inline tests: what passes, and the sentence of what does not."""

from typing import Any

import pytest

from policies.guardrails.engine.testing import run_tests
from tests.policies.guardrails.engine.guardrails import BLOCK, NOTIFY, document, step

SPEND = {"spend": {"fact": "cost", "window": "24h"}}


def tried(expect: list[dict[str, Any]], series: str = "60+20x3", **rest: Any) -> tuple[bool, tuple[str, ...]]:
    test = {
        "name": "t",
        "scope": {"path": "acme/search"},
        "every": "5m",
        "series": {"spend": series},
        "expect": expect,
        **rest,
    }
    steps = [step("warn", "spend >= 80", **{"for": "5m"}), step("stop", "spend >= 110", actions=[NOTIFY, BLOCK])]
    result = run_tests(document(*steps, facts=SPEND, tests=[test], match={"kinds": ["team"]}))[0]
    return result.passed, result.sentences


def test_what_is_expected_and_so_passes() -> None:
    assert tried(
        [
            {"at": "0m", "step": "none", "state": "idle", "actions": []},
            {"at": "5m", "state": "pending"},
            {"at": "10m", "step": "warn", "state": "firing", "actions": ["notify"]},
            {"at": "15m", "step": "stop", "actions": ["block", "notify"]},
            {"at": "20m", "step": "stop", "state": "no_data"},
        ]
    ) == (True, ())


@pytest.mark.parametrize(
    ("expected", "sentence"),
    [
        pytest.param(
            {"at": "5m", "state": "firing"},
            "at 5m: expected state firing, was pending: spend 80.00 ≥ 80 since 2026-01-01 00:05Z: fires at"
            " 2026-01-01 00:10Z if it still holds then.",
            id="another state",
        ),
        pytest.param(
            {"at": "10m", "step": "stop"},
            "at 10m: expected step stop, was warn: spend 100.00 ≥ 80 for 5m.",
            id="another step",
        ),
        pytest.param(
            {"at": "15m", "actions": ["notify"]},
            "at 15m: expected actions [notify], were [notify, block]: spend 120.00 ≥ 110.",
            id="other actions",
        ),
        pytest.param({"at": "7m", "state": "idle"}, "at 7m: not a multiple of every 5m", id="between two samples"),
    ],
)
def test_what_differs_says_what_was_and_why(expected: dict[str, Any], sentence: str) -> None:
    assert tried([expected]) == (False, (sentence,))


def test_a_scope_that_does_not_match_is_a_failed_test() -> None:
    outcome = tried([{"at": "0m"}], scope={"path": "acme/bot", "kind": "agent"})
    assert outcome == (False, ("the guardrail does not match scope acme/bot",))


def test_a_series_that_cannot_be_read_is_a_failed_test() -> None:
    assert tried([{"at": "0m"}], series="many") == (
        False,
        ("series spend: `many` is not a sample; write 700, 700+50x10, 500x10, _ or _x6",),
    )
