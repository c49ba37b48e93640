"""A guardrail that fails or loops is set aside; its owners are told once, and again while it is still so."""

from datetime import timedelta
from typing import Any

import pytest

from governance.messages.models import Delivery
from governance.scopes.models import Scope
from policies.constraints.models import Constraint
from policies.evaluation.models import DataGap
from policies.evaluation.operations import sweep
from policies.guardrails.engine.evaluation import CompiledPolicy
from policies.guardrails.errors import GuardrailError
from tests.policies.conftest import AT, MONTHLY_BUDGET, Apply, Spend, evaluate, person

pytestmark = [pytest.mark.adversary("one row"), pytest.mark.usefixtures("finops_channel", "budget")]

NUMBERS = ", ".join(f"{number}.0" for number in range(40))
LOOPS = f"""
apiVersion: weir/v1
kind: GuardrailPolicy
metadata: {{name: loops, owner: finops@example.com}}
spec:
  match: {{kinds: [team]}}
  facts:
    spend: {{fact: cost, window: 24h}}
  steps:
    - name: block
      when: "[{NUMBERS}].all(a, [{NUMBERS}].all(b, [{NUMBERS}].all(c, a + b + c + spend >= 0.0)))"
      actions:
        - notify: {{to: ["email:finops"]}}
        - block: {{}}
  enforcement: {{level: hard_mandatory}}
"""
CANNOT, STILL = "Guardrails of acme cannot be evaluated", "Guardrails of acme still cannot be evaluated"


def told(to: str = "own@acme.example") -> list[str]:
    titles = Delivery.objects.filter(message__event_type="guardrail.data_gap", to=[to]).order_by("created_at")
    return [str(message["title"]) for message in titles.values_list("message", flat=True)]


@pytest.fixture(autouse=True)
def _owner(acme: Scope) -> None:
    person("own@acme.example", acme, "engineering", "")


def blocked() -> list[str]:
    return sorted(Constraint.objects.filter(status="active").values_list("guardrail", flat=True))


def test_a_guardrail_that_loops_is_not_applied(apply: Apply) -> None:
    with pytest.raises(GuardrailError, match="loops more than 10,000 times"):
        apply(LOOPS)


@pytest.fixture
def _accepted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a document that was applied before such were refused."""
    monkeypatch.setattr("policies.guardrails.engine.lint.findings", lambda _compiled: ())


@pytest.mark.usefixtures("_accepted_once")
def test_a_guardrail_that_loops_is_held_and_no_other_waits_for_it(apply: Apply, spend: Spend) -> None:
    apply()
    apply(LOOPS)
    spend("acme/search", "104.00")
    evaluate()
    sweep(at=AT)
    assert blocked() == ["monthly-budget"]
    gap = DataGap.objects.get()
    assert (gap.guardrails, gap.cause, "loops more than 10,000 times" in gap.reason) == (["loops"], "error", True)
    assert told() == [CANNOT]


def test_what_still_fails_after_a_day_is_told_again_and_what_works_again_is_not(
    apply: Apply, spend: Spend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise KeyError("none")

    apply()
    spend("acme/search", "104.00")
    with monkeypatch.context() as broken:
        broken.setattr(CompiledPolicy, "evaluate", failing)
        evaluate()
        counts = []
        for hours in (0, 1, 23, 24, 25, 47, 48):
            sweep(at=AT + timedelta(hours=hours))
            counts.append(len(told()))
        assert counts == [1, 1, 1, 2, 2, 2, 3]
        assert told() == [CANNOT, STILL, STILL]
        text = Delivery.objects.filter(message__title=STILL).values_list("message", flat=True)[0]["text"]
        assert "since 2026-11-24 12:00 UTC" in text
    sweep(at=AT + timedelta(hours=72))
    assert (len(told()), blocked()) == (3, ["monthly-budget"])


def test_a_guardrail_that_fails_although_it_was_changed_is_told_of_at_once(
    apply: Apply, spend: Spend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise KeyError("none")

    monkeypatch.setattr(CompiledPolicy, "evaluate", failing)
    apply()
    spend("acme/search", "104.00")
    evaluate()
    apply(MONTHLY_BUDGET.replace("0.8", "0.7").replace("LEVEL", "hard_mandatory"))
    for minutes in (1, 2, 3):
        sweep(at=AT + timedelta(minutes=minutes))
    assert told() == [CANNOT, STILL]


@pytest.mark.usefixtures("_accepted_once")
def test_another_guardrail_that_fails_too_is_written_down_and_tells_nobody_again(apply: Apply, spend: Spend) -> None:
    apply(LOOPS)
    spend("acme/search", "4.00")
    evaluate()
    apply(LOOPS.replace("name: loops", "name: loops-too"))
    for minutes in (1, 2):
        sweep(at=AT + timedelta(minutes=minutes))
    assert told() == [CANNOT]
    assert DataGap.objects.get().told_versions.keys() == {"loops", "loops-too"}
