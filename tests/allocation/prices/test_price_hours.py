"""Off-peak prices, free variants and regional names, said in a book and priced by it."""

from decimal import Decimal

import pytest

from allocation.prices.documents import PriceSpec
from allocation.prices.engine.history import merge_prices
from allocation.prices.queries import prices_in_force
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event
from tests.allocation.prices.operations.test_price_books import apply_book

BOOK = """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: list}
spec:
  organisation: acme
  prices:
    - {provider: deepseek, model: chat, effective_from: 2026-01-01, hours: "16:30-00:30", input: 1, output: 0}
    - {provider: deepseek, model: chat, effective_from: 2026-01-01, hours: "09:00-10:00", zone: Asia/Shanghai, input: 4,
       output: 0}
    - {provider: deepseek, model: chat, effective_from: 2026-01-01, input: 2, output: 0}
    - {provider: deepseek, model: "*:free", effective_from: 2026-01-01, free: true}
    - {provider: deepseek, model: "*-exp", effective_from: 2026-01-01, input: 0, output: 0}
    - {provider: deepseek, model: "eu.*", effective_from: 2026-01-01, input: "1.1", output: 0}
"""
MILLION = {"input": 1_000_000}


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ({"occurred_at": "2026-11-24T00:29:59Z"}, ("1", [])),
        ({"occurred_at": "2026-11-24T00:30:00Z"}, ("2", [])),
        ({"occurred_at": "2026-11-24T01:00:00Z"}, ("4", [])),
        ({"occurred_at": "2026-11-24T02:00:00Z"}, ("2", [])),
        ({"occurred_at": "2026-11-23T17:29:59+01:00"}, ("2", [])),
        ({"occurred_at": "2026-11-23T16:30:00Z"}, ("1", [])),
        ({"model": "r1:free", "quantities": {"image": 3}, "gpu_seconds": Decimal(9)}, ("0", [])),
        ({"model": "chat-exp"}, ("0", [])),
        ({"model": "eu.chat"}, ("1.1", [])),
    ],
)
def test_what_a_call_costs(acme: Scope, call: dict[str, object], wanted: tuple[str, list[str]]) -> None:
    apply_book(BOOK)
    used = event(**{"provider": "deepseek", "model": "chat", "tokens": MILLION, **call})
    assert record_usage(events=[used], key_scope_id=acme.pk, at=AT).accepted == 1
    record = UsageRecord.objects.get()
    assert (record.cost, record.unpriced_meters, record.price_source) == (
        Decimal(wanted[0]), wanted[1], "pricebook:list",
    )  # fmt: skip


def test_prices_of_other_hours_follow_one_another_apart() -> None:
    spec = {"provider": "p", "model": "m", "effective_from": "2026-01-01", "input": 1}
    night = PriceSpec.model_validate({**spec, "hours": "22:00-06:00"})
    day = PriceSpec.model_validate({**spec, "input": 3})
    dearer = PriceSpec.model_validate({**spec, "input": 4, "effective_from": "2026-06-01"})
    merged = merge_prices([night, day], [dearer])
    assert [(price.hours, price.effective_to is None, price.input) for price in merged.entries] == [
        ("22:00-06:00", True, 1), (None, False, 3), (None, True, 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": "9-17", "input": 1},
        {"hours": "09:00-10:00", "zone": "Nowhere", "input": 1},
        {"free": True, "input": 1},
        {"free": False},
    ],
)
def test_what_a_book_may_not_say(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"hours|zone|free|price"):
        PriceSpec.model_validate({"provider": "p", "model": "m", "effective_from": "2026-01-01", **wrong})


def test_the_list_of_prices_shows_the_hours(acme: Scope) -> None:
    apply_book(BOOK)
    rows = prices_in_force(actor=SYSTEM, at=AT).filter(model="chat", meter="input").order_by("position")
    assert list(rows.values_list("hours", "zone")) == [
        ("16:30-00:30", "UTC"), ("09:00-10:00", "Asia/Shanghai"), ("", "UTC"),
    ]  # fmt: skip
