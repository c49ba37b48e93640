import pytest

from policies.alerts.models import Alert
from policies.evaluation.operations import mark_due_scopes
from policies.guardrails.models import GuardrailVersion
from policies.guardrails.queries import active_guardrails
from tests.policies.conftest import AT, MONTHLY_BUDGET, Apply, Spend, evaluate
from tests.policies.evaluation.limits import LATER

pytestmark = pytest.mark.usefixtures("finops_channel")


@pytest.mark.usefixtures("budget")
def test_a_version_that_no_longer_compiles_holds_and_is_not_asked_for_ever(apply: Apply, spend: Spend) -> None:
    apply(MONTHLY_BUDGET.replace("when: used >= amount\n", "when: used >= amount\n      for: 5m\n"))
    spend("acme/search", "104.00")
    evaluate()
    active = active_guardrails().guardrails[0]
    GuardrailVersion.objects.filter(pk=active.version_id).update(is_active=False, retired_at=AT)
    GuardrailVersion.objects.create(
        name=active.name, number=2, digest="x", text="x", document={"kind": "GuardrailPolicy"}, level="advisory",
        applied_at=AT, applied_by="weir",
    )  # fmt: skip
    assert mark_due_scopes(at=LATER) == 1
    evaluate(LATER)
    assert Alert.objects.get().status == "firing"
    assert mark_due_scopes(at=LATER) == 0
