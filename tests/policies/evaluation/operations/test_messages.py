from decimal import Decimal
from typing import Any

import pytest

from budgets.plans.models import Budget
from governance.messages.channels import Envelope, Message
from governance.messages.channels.email import text
from governance.messages.channels.slack import blocks
from governance.messages.models import Channel, Delivery
from governance.people.rules import Actor
from governance.scopes.models import Scope
from policies.alerts.models import AlertEvent
from policies.constraints.models import Constraint
from policies.constraints.operations import release_constraint
from policies.evaluation.operations import sweep
from policies.guardrails.operations import retire_guardrail
from tests.budgets.conftest import grant_by_two
from tests.policies.conftest import AT, MONTHLY_BUDGET, SYSTEM, Apply, Spend, evaluate
from tests.policies.evaluation.told import LATER

pytestmark = pytest.mark.usefixtures("finops_channel", "budget")


def test_an_address_that_leads_nowhere_loses_neither_alert_nor_constraint(
    apply: Apply, spend: Spend, finops_channel: Channel
) -> None:
    finops_channel.delete()
    apply()
    spend("acme/search", "104.00")
    evaluate()
    assert Delivery.objects.count() == 2
    assert Constraint.objects.get().status == "active"
    assert {event.detail != "" for event in AlertEvent.objects.filter(kind="notified")} == {True}


BY_SHARE = """
apiVersion: weir/v1
kind: GuardrailPolicy
metadata: {name: by-share, owner: fay@example.com}
spec:
  severity: high
  match: {kinds: [team]}
  facts: {used: {fact: budget.used_ratio}}
  steps:
    - name: warn
      when: used >= 0.8
      severity: low
      actions: [{notify: {to: ["email:finops"]}}, {block: {models: [o3], message: No o3 any more.}}]
    - name: stop
      when: used >= 1.0
      actions: [{notify: {to: [owner]}}, {block: {message: Used up.}}]
  enforcement: {level: hard_mandatory}
"""


def told(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """To whom, and the message."""
    rows = Delivery.objects.filter(message__event_type=f"guardrail.{kind}").values_list("to", "message")
    return sorted(((to[0], message) for to, message in rows), key=lambda row: row[0])


@pytest.fixture
def acme(acme: Scope, request: pytest.FixtureRequest) -> Scope:
    """In the currency that the test names: it is fixed once there is a budget."""
    Scope.objects.filter(pk=acme.pk).update(currency=getattr(request, "param", "USD"))
    return acme


@pytest.mark.parametrize("acme", ["EUR"], indirect=True)
def test_money_first_then_the_limits_own_sentence_then_what_is_blocked(apply: Apply, spend: Spend) -> None:
    apply(BY_SHARE)
    spend("acme/search", "1104.50")
    evaluate()
    (_, message), (_, same) = told("step_started")
    assert message["text"] == (
        "1,104.50 EUR of 100.00 EUR is used. Used up. No o3 any more. Calls to all models are blocked until "
        "1 December 2026 at the latest. Calls to o3 are blocked until 1 December 2026 at the latest."
    )
    assert same["text"] == message["text"]
    why = "used 1,104.5 % (1,104.50 EUR of 100.00 EUR) ≥ 1.0."
    assert message["fields"] == [
        ["Scope", "acme/search"], ["Step", "stop"], ["Severity", "high"], ["Period", "2026-11-01 to 2026-12-01"],
        ["Blocked", "all models"], ["Blocked", "o3"], ["Why", why],
    ]  # fmt: skip
    data = message["data"]
    assert (data["figures"], data["reason"], data["trigger"], data["blocks"]) == (
        "1,104.50 EUR of 100.00 EUR is used.", why, "started", True,
    )  # fmt: skip
    assert [(limit["step"], limit["models"], limit["message"]) for limit in data["limits"]] == [
        ("stop", [], "Used up."), ("warn", ["o3"], "No o3 any more."),
    ]  # fmt: skip


def test_every_channel_carries_it(apply: Apply, spend: Spend) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    envelope = Envelope("id", Message.from_json(told("step_started")[0][1]), AT)
    for body in (text(envelope), str(blocks(envelope))):
        assert "104.00 USD of 100.00 USD is used. The approved budget is used up." in body
        assert "used 104.00 USD ≥ amount 100.00 USD" in body


def test_whoever_was_told_of_the_block_is_told_once_that_it_has_ended(
    apply: Apply, spend: Spend, budget: Budget, finance: Actor
) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    grant_by_two(budget_id=budget.pk, amount=Decimal(50), actor=finance, reason="More.", at=LATER)
    evaluate(LATER)
    sweep(at=LATER)
    ends = told("resolved")
    assert [to for to, _ in ends] == [to for to, _ in told("step_started")]
    assert (len(ends), Delivery.objects.count(), told("released")) == (3, 6, [])
    assert (ends[0][1]["title"], ends[0][1]["severity"], ends[0][1]["text"]) == (
        "monthly-budget: resolved on acme/search",
        "info",
        "104.00 USD of 150.00 USD is used. monthly-budget no longer blocks calls to all models.",
    )


def test_the_end_of_one_limit_says_what_holds_on(apply: Apply, spend: Spend, budget: Budget, finance: Actor) -> None:
    apply(BY_SHARE)
    spend("acme/search", "104.00")
    evaluate()
    grant_by_two(budget_id=budget.pk, amount=Decimal(20), actor=finance, reason="More.", at=LATER)
    evaluate(LATER)
    released = told("released")
    assert [to for to, _ in released] == ["ada@example.com", "fay@example.com"]
    assert released[0][1]["text"] == (
        "104.00 USD of 120.00 USD is used. by-share no longer blocks calls to all models. "
        "Calls to o3 are blocked by its step warn as before."
    )
    assert (Delivery.objects.count(), told("resolved")) == (4, [])


@pytest.mark.parametrize("level", ["advisory", "dry_run"])
def test_a_lowered_guardrail_tells_that_it_lets_go(apply: Apply, spend: Spend, level: str) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    apply(level=level, at=LATER)
    evaluate(LATER)
    sweep(at=LATER)
    assert [message["fields"][-1] for _, message in told("released")] == [
        ["Why", "The guardrail no longer sets this limit."]
    ] * 3
    assert Delivery.objects.count() == 6


def test_a_person_who_lifts_a_limit_is_named(apply: Apply, spend: Spend, team_lead: Actor) -> None:
    apply()
    spend("acme/search", "104.00")
    evaluate()
    release_constraint(constraint_id=Constraint.objects.get().pk, actor=team_lead, reason="The demo.", at=LATER)
    before = {to for to, _ in told("step_started")}
    released = told("released")
    assert {to for to, _ in released} >= before
    assert released[0][1]["text"] == (
        "monthly-budget no longer blocks calls to all models. It is set again only after a new crossing."
    )
    assert released[0][1]["fields"][-1] == ["Why", "sam@example.com: The demo."]


def test_retired_tells_once_and_advice_alone_ends_in_silence(apply: Apply, spend: Spend) -> None:
    apply()
    apply(MONTHLY_BUDGET.replace("monthly-budget", "advice"), level="advisory")
    spend("acme/search", "104.00")
    evaluate()
    for name in ("monthly-budget", "advice"):
        retire_guardrail(name=name, actor=SYSTEM, reason="Not needed.", at=LATER)
    evaluate(LATER)
    assert {message["data"]["guardrail"] for _, message in told("resolved")} == {"monthly-budget"}
    assert len(told("resolved")) == 3
