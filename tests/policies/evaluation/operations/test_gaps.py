from datetime import timedelta

import pytest

from governance.messages.models import Delivery
from policies.alerts.models import Alert, AlertEvent
from policies.constraints.models import Constraint
from policies.evaluation.models import DataGap
from policies.evaluation.operations import sweep
from policies.guardrails.models import GuardrailState
from tests.policies.conftest import AT, Apply, Spend, evaluate
from tests.policies.evaluation.told import deliveries

pytestmark = pytest.mark.usefixtures("finops_channel", "budget")


COST_WITH_MAX_AGE = """
apiVersion: weir/v1
kind: GuardrailPolicy
metadata: {name: spike, owner: finops@example.com}
spec:
  match: {kinds: [team]}
  facts:
    spend: {fact: cost, window: 24h, max_age: 15m}
  steps:
    - name: stop
      when: spend >= 50
      actions:
        - notify: {to: ["email:finops"]}
        - block: {}
  enforcement: {level: hard_mandatory}
"""


def test_stale_facts_hold_and_the_owner_is_told_once(apply: Apply, spend: Spend) -> None:
    apply(COST_WITH_MAX_AGE)
    spend("acme/search", "60.00")
    evaluate()
    before = Delivery.objects.count()
    stale = AT + timedelta(days=2)
    sweep(at=stale)
    sweep(at=stale + timedelta(minutes=1))

    assert Alert.objects.get().status == "firing"
    assert Constraint.objects.get().status == "active"
    assert [(gap.cause, gap.guardrails, gap.ended_at) for gap in DataGap.objects.all()] == [
        ("no_data", ["spike"], None)
    ]
    titles = [title for title, _to in deliveries() if "cannot be evaluated" in title]
    assert (before, titles) == (1, ["Guardrails of acme cannot be evaluated"] * 2)
    assert AlertEvent.objects.filter(kind="no_data").count() == 1

    back = stale + timedelta(minutes=2)
    spend("acme/search", "1.00", at=back)
    evaluate(back)
    sweep(at=back)
    assert Alert.objects.get().status == "resolved"
    assert Constraint.objects.get().status == "released"
    assert DataGap.objects.get().ended_at == back


def test_stale_facts_start_nothing(apply: Apply, spend: Spend) -> None:
    apply(COST_WITH_MAX_AGE)
    spend("acme/search", "10.00")
    evaluate()
    sweep(at=AT + timedelta(hours=1))
    assert (Alert.objects.count(), GuardrailState.objects.count(), DataGap.objects.count()) == (0, 0, 1)
