import pytest

from governance.messages.models import Channel, Delivery
from policies.alerts.models import AlertEvent
from policies.constraints.models import Constraint
from tests.policies.conftest import Apply, Spend, evaluate

pytestmark = pytest.mark.usefixtures("finops_channel", "budget")


def test_an_address_that_leads_nowhere_loses_neither_alert_nor_constraint(
    apply: Apply, spend: Spend, finops_channel: Channel
) -> None:
    finops_channel.delete()
    apply()
    spend("acme/search", "104.00")
    evaluate()
    assert Delivery.objects.count() == 4
    assert Constraint.objects.get().status == "active"
    assert {event.detail != "" for event in AlertEvent.objects.filter(kind="notified")} == {True}
