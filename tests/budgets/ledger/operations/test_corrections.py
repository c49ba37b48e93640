"""A month priced again: the ledger follows the adjustments, both its sides stay equal, and old figures can be had."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Sum
from pydantic import TypeAdapter

from allocation.corrections.models import Adjustment
from allocation.corrections.operations import rerate_usage
from allocation.corrections.queries import cost_as_known
from allocation.meters.documents import EVENT
from allocation.prices.documents import PriceBookDocument
from allocation.prices.operations import apply_price_book
from allocation.usage.models import UsageDay, UsageRecord
from allocation.usage.operations import record_usage
from budgets.ledger.models import Account, Transfer
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of
from tests.budgets.ledger.test_models import BALANCES_FROM_TRANSFERS

pytestmark = pytest.mark.django_db
NOVEMBER = {"since": datetime(2026, 11, 1, tzinfo=UTC), "until": datetime(2026, 12, 1, tzinfo=UTC)}
LATER = AT + timedelta(hours=2)


def book(price: str) -> PriceBookDocument:
    entry = {"provider": "openai", "model": "gpt-4o", "effective_from": "2026-01-01", "input": price, "output": "10"}
    return TypeAdapter(PriceBookDocument).validate_python(
        {
            "apiVersion": "weir/v1",
            "kind": "PriceBook",
            "metadata": {"name": "contract"},
            "spec": {"organisation": "acme", "prices": [entry]},
        }
    )


def use(acme: Scope, scope: Scope, count: int) -> None:
    events = [
        EVENT.validate_python(
            {
                "id": f"{scope.path} {number}",
                "source": "gateway",
                "occurred_at": AT - timedelta(hours=number),
                "scope": scope.path,
                "provider": "openai",
                "model": "gpt-4o",
                "tokens": {"input": 1_000_000, "output": 1000},
            }
        )
        for number in range(count)
    ]
    assert record_usage(events=events, key_scope_id=acme.pk, at=AT).accepted == count


@pytest.mark.parametrize(("price", "cost"), [("3", "3.01"), ("1.5", "1.51")])
def test_debits_equal_credits_and_every_old_figure_is_reproducible(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose, price: str, cost: str
) -> None:
    approve(acme, "1000")
    approve(search, "100")
    apply_price_book(book("2"), actor=SYSTEM, at=AT)
    use(acme, ranker, 30)
    use(acme, acme, 4)
    before = cost_as_known(scope_ids=[ranker.pk, acme.pk], known_at=AT, **NOVEMBER)
    assert before == {ranker.pk: Decimal("60.3"), acme.pk: Decimal("8.04")}
    apply_price_book(book(price), actor=SYSTEM, at=LATER)

    done = rerate_usage(organisation=acme, reason="As contracted.", actor=SYSTEM, at=LATER, **NOVEMBER)

    assert (done.corrected, done.change) == (34, 34 * (Decimal(cost) - Decimal("2.01")))
    assert (account_of(search).spent, account_of(acme).spent) == (30 * Decimal(cost), 4 * Decimal(cost))
    spent = Account.objects.get(kind="spent", unit="money")
    moved = Transfer.objects.filter(kind__in=["charge", "adjust"])
    into, out_of = (moved.filter(**{side: spent}).aggregate(total=Sum("amount"))["total"] or 0
                    for side in ("debit_account", "credit_account"))  # fmt: skip
    assert into - out_of == UsageDay.objects.aggregate(total=Sum("cost"))["total"] == 34 * Decimal(cost)
    with connection.cursor() as cursor:
        cursor.execute(BALANCES_FROM_TRANSFERS)
        assert cursor.fetchall() == []
    assert cost_as_known(scope_ids=[ranker.pk, acme.pk], known_at=AT, **NOVEMBER) == before
    assert set(UsageRecord.objects.values_list("cost", flat=True)) == {Decimal("2.01")}
    assert Adjustment.objects.aggregate(total=Sum("cost"))["total"] == done.change
