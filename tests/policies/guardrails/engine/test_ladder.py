from tests.policies.guardrails.engine.guardrails import at, compiled, played, step


def test_the_instant_is_named_at_which_time_alone_changes_the_outcome() -> None:
    policy = compiled(
        step(
            "warn",
            "spend >= 80",
            **{"for": "15m"},
            min_hold="1h",
            actions=[{"notify": {"to": ["owner"], "repeat_every": "4h"}}],
        )
    )
    loud, quiet = {"spend": 80.0, "allowance": 1.0}, {"spend": 0.0, "allowance": 1.0}
    outcomes = played(policy, (0, loud), (20, loud), (30, quiet), (90, quiet))
    assert [one.next_due_at for one in outcomes] == [at(15), at(20 + 240), at(20 + 60), None]


def test_notifications_repeat_while_the_step_is_in_force() -> None:
    repeating = {"notify": {"to": ["owner"], "repeat_every": "4h"}}
    policy = compiled(step("warn", "spend >= 80", actions=[repeating]), step("stop", "spend >= 100"))
    loud, louder = {"spend": 80.0, "allowance": 1.0}, {"spend": 100.0, "allowance": 1.0}
    outcomes = played(
        policy, (0, loud), (60, loud), (241, loud), (300, loud), (310, louder), (490, louder), (500, loud)
    )
    assert [[(one.step, one.trigger) for one in outcome.actions] for outcome in outcomes] == [
        [("warn", "started")],
        [],
        [("warn", "repeat")],
        [],
        [("stop", "started")],
        [],
        [],
    ]
