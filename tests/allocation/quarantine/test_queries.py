from decimal import Decimal
from typing import Any

import pytest

from allocation.quarantine.engine import WaitingAmount
from allocation.quarantine.models import QuarantinedUsage
from allocation.quarantine.queries import Quarantined, quarantined_by_scope, waiting_in_quarantine
from allocation.usage.operations import record_usage
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from tests.allocation.admin_people import person
from tests.allocation.conftest import AT, event, make_organisation
from tests.allocation.outcomes.reported import record, typed
from tests.allocation.replay.test_corrections import refused


def test_amounts_are_as_stated_or_at_list_prices_by_currency(acme: Scope, search: Scope) -> None:
    refused(acme, scope="acme/x")
    refused(acme, scope="acme/x", cost="2")
    refused(search, scope="acme/ads", cost={"amount": "3", "currency": "CHF"})
    refused(acme, scope="acme/x", model="nobody-prices-this")
    record(acme, typed(scope="acme/x"))
    stored = QuarantinedUsage.objects.order_by("pk").values_list("amount", "currency", "is_estimate")
    assert list(stored) == [
        (Decimal("0.0035"), "USD", True), (Decimal(2), "USD", False), (Decimal(3), "CHF", False), (None, "", False),
        (None, "", False),
    ]  # fmt: skip
    waiting = waiting_in_quarantine(QuarantinedUsage.objects.all())
    assert waiting is not None
    assert (waiting.records, waiting.without_amount, waiting.oldest_at) == (4, 1, AT)
    assert waiting.amounts == [WaitingAmount("CHF", Decimal(3)), WaitingAmount("USD", Decimal("2.0035"))]
    tree = scope_tree()
    assert quarantined_by_scope(tree) == {
        acme.pk: Quarantined(Decimal("2.0035"), 4), search.pk: Quarantined(Decimal(0), 1),
    }  # fmt: skip


def test_the_same_record_sent_again_is_the_same_money(acme: Scope) -> None:
    for _ in range(3):
        refused(acme, id="again", scope="acme/x", cost="2")
    waiting = waiting_in_quarantine(QuarantinedUsage.objects.all())
    assert waiting is not None
    assert (waiting.records, waiting.amounts) == (1, [WaitingAmount("USD", Decimal(2))])


def test_what_an_operator_brought_in_is_in_the_currency_of_the_scope_it_names(acme: Scope) -> None:
    record_usage(events=[event(scope="acme/x", cost=Decimal(7)), event(scope=None)], key_scope_id=None, at=AT)
    waiting = waiting_in_quarantine(QuarantinedUsage.objects.all())
    assert waiting is not None
    assert (waiting.records, waiting.without_amount) == (2, 1)
    assert waiting.amounts == [WaitingAmount("USD", Decimal(7))]
    assert quarantined_by_scope(scope_tree()) == {}


def test_each_sees_what_waits_of_their_own(acme: Scope) -> None:
    refused(acme, scope="acme/x", cost="2")
    refused(make_organisation("globex"), scope="globex/x", cost="9")
    ada = Actor.of_user(person("ada@example.com", "finops", acme))
    waiting = waiting_in_quarantine(QuarantinedUsage.objects.visible_to(ada))
    assert waiting is not None
    assert waiting.amounts == [WaitingAmount("USD", Decimal(2))]


@pytest.mark.parametrize("number", [1, 3])
def test_what_waits_takes_one_query(acme: Scope, django_assert_num_queries: Any, number: int) -> None:
    for _ in range(number):
        refused(acme, scope="acme/x")
    tree = scope_tree()
    with django_assert_num_queries(2):
        waiting_in_quarantine(QuarantinedUsage.objects.all())
        quarantined_by_scope(tree)
