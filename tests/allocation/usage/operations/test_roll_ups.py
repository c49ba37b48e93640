from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from allocation.usage.models import UsageDay
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import Client, document, event


def test_sums_that_no_ledger_could_hold_are_the_senders_to_hear_of(acme: Scope, client_of: Client) -> None:
    now = timezone.now() - timedelta(minutes=1)
    record_usage(events=[event(occurred_at=now, cost="1")], key_scope_id=acme.pk, at=timezone.now())
    UsageDay.objects.update(cost=Decimal(10**15 - 1))
    body = [document(occurred_at=now.isoformat(), cost="1000000000")]
    answer = client_of(acme).post("/api/v1/usage", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "value_not_storable")
