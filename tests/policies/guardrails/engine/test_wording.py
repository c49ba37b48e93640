from tests.policies.guardrails.engine.guardrails import compiled, played, step


def test_the_reason_says_for_how_long() -> None:
    policy = compiled(step("stop", "spend >= 100", **{"for": "5m"}))
    outcomes = played(policy, (0, {"spend": 100.0, "allowance": 1.0}), (5, {"spend": 120.0, "allowance": 1.0}))
    assert [one.reason for one in outcomes] == [
        "spend 100.00 ≥ 100 since 2026-11-24 12:00Z: fires at 2026-11-24 12:05Z if it still holds then.",
        "spend 120.00 ≥ 100 for 5m.",
    ]
