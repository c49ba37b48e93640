"""What limits in force say of a call."""

from dataclasses import replace
from datetime import timedelta

from policies.decisions.engine.decisions import Decision, decision_of
from policies.guardrails.engine.constraint_kinds import Block
from tests.conftest import AT
from tests.policies.decisions.engine.test_deciding import BLOCK, BLOCKED


def test_every_constraint_that_covers_the_call_is_a_reason() -> None:
    other = replace(BLOCK, id=8, imposed=Block(models=("o3",), message="Ask Fay."))
    wanted = replace(BLOCKED, scope="acme", detail="Ask Fay.")
    held = [("acme", other), ("acme/search", BLOCK)]
    for model, reasons in (("gpt-4o", (BLOCKED,)), ("o3", (wanted,)), ("claude-5", ())):
        assert decision_of(held, model=model, evaluated_at=AT, last_received_at=None, at=AT) == Decision(
            "deny" if reasons else "allow", reasons, AT, None
        )


def test_the_age_of_the_feed_is_never_below_nothing() -> None:
    for age_s, wanted in ((-5, 0.0), (0, 0.0), (5, 5.0)):
        received = AT - timedelta(seconds=age_s)
        decided = decision_of([], model="o3", evaluated_at=None, last_received_at=received, at=AT)
        assert decided.data_age_seconds == wanted
