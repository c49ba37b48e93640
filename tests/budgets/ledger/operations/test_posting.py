"""Allocation's own batches, not a stand-in: recorded, rolled up and charged in one transaction, once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from allocation.meters.documents import EVENT, UsageEvent
from allocation.usage.engine.roll_ups import UsagePosting
from allocation.usage.models import UsageDay
from allocation.usage.operations import record_usage
from budgets.ledger.models import Account
from budgets.ledger.operations import post_usage
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, TODAY, Propose, account_of

pytestmark = pytest.mark.django_db(transaction=True)


def events(scope: Scope, count: int, start: int = 0) -> list[UsageEvent]:
    return [
        EVENT.validate_python(
            {
                "id": f"e{number}",
                "source": "gateway",
                "occurred_at": AT - timedelta(minutes=number),
                "scope": scope.path,
                "provider": "openai",
                "model": "gpt-4o",
                "tokens": {"input": 100, "output": 10},
                "cost": Decimal("0.25"),
            }
        )
        for number in range(start, start + count)
    ]


def test_batches_repeated_before_and_after_approval_are_charged_once(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    first, second = events(ranker, 20), events(ranker, 30, start=10)
    record_usage(events=first, key_scope_id=acme.pk, at=AT)
    approve(acme, "100")
    record_usage(events=first, key_scope_id=acme.pk, at=AT)
    approve(search, "50")
    approve(search, "10000", unit="tokens")

    result = record_usage(events=second, key_scope_id=acme.pk, at=AT)

    assert (result.accepted, result.duplicate) == (20, 10)
    assert account_of(search).spent == Decimal(10)
    assert account_of(search, "tokens").spent == Decimal(40 * 110)
    assert account_of(acme).spent == Decimal(0)
    charged = Account.objects.filter(kind="budget", unit="money").aggregate(total=Sum("spent"))["total"]
    assert charged == UsageDay.objects.aggregate(total=Sum("cost"))["total"]


def test_a_charge_tells_of_the_scopes_whose_budget_is_a_whole_per_cent_fuller(
    acme: Scope, search: Scope, approve: Propose
) -> None:
    approve(acme, "1000")
    approve(search, "50")

    def posted(cost: str, scope: Scope = search) -> set[int]:
        return post_usage(postings=[UsagePosting(scope.pk, TODAY, Decimal(cost), 0, 1, Decimal(0))], at=AT)

    assert posted("0.499") == set()
    assert posted("0.001") == {search.pk}, "0.5 of 50"
    assert posted("0.1") == set()
    assert posted("39.4") == {search.pk}, "80 %"
    assert posted("10") == {search.pk}, "all of it"
    assert posted("0.2") == set()
    assert posted("-5") == set(), "money given back"
    assert posted("1", acme) == set()
    assert posted("9", acme) == {acme.pk}
