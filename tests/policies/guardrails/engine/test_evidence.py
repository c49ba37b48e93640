from policies.guardrails.engine.constraint_kinds import Block
from tests.policies.guardrails.engine.guardrails import AT, BLOCK, compiled, played, step


def test_a_block_says_what_was_observed_and_what_the_limit_is() -> None:
    policy = compiled(
        step("stop", "used >= params.stop_at", actions=[BLOCK]),
        params={"stop_at": {"type": "double", "default": 0.9}},
        variables={"used": "spend / allowance"},
    )
    outcome = played(policy, (0, {"spend": 93.0, "allowance": 100.0}))[0]
    block = outcome.constraints[0]
    assert (block.observed, block.limit, block.unit, block.since) == (0.93, 0.9, "ratio", AT)
    assert block.constraint == Block()
    assert block.reason == "used 0.93 ≥ params.stop_at 0.9 (used = spend 93.00 / allowance 100.00)."


def test_a_step_that_is_kept_says_why() -> None:
    policy = compiled(step("stop", "spend >= 100", release="spend < 70", min_hold="30m"))
    outcomes = played(
        policy,
        (0, {"spend": 100.0, "allowance": 1.0}),
        (5, {"spend": 80.0, "allowance": 1.0}),
        (10, {"spend": 60.0, "allowance": 1.0}),
    )
    assert [one.reason for one in outcomes[1:]] == [
        "spend 80.00 ≥ 100 no longer holds: kept until its release condition holds (spend 80.00 < 70).",
        "spend 60.00 ≥ 100 no longer holds: kept until 2026-11-24 12:30Z (min_hold 30m).",
    ]
