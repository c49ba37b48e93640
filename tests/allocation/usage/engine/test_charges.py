"""What is paid and what is published: discounts, contracts beside lists, and what few calls have."""

from decimal import Decimal
from typing import Any

import pytest

from allocation.usage.models import UsageCharge, UsageDay, UsageRecord
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event
from tests.allocation.prices.operations.test_price_books import apply_book
from tests.allocation.prices.published_book import PUBLISHED

DISCOUNTED = """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: zz-order-form}
spec:
  organisation: acme
  contract: Order form 7
  discount_percent: "10"
  prices:
    - {provider: openai, model: gpt-4o, effective_from: 2026-01-01, input: "2.50", cached_input: "1.25", output: "10"}
    - {provider: openai, model: gpt-4o-mini, effective_from: 2026-01-01, input: 1, output: 1, discount_percent: "50"}
"""


AGREED = """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: agreed}
spec:
  organisation: acme
  contract: Agreement of March
  basis: contracted
  prices:
    - {provider: openai, model: gpt-4o, effective_from: 2026-01-01, input: "2.00", output: "8"}
    - {provider: openai, model: gpt-mock, effective_from: 2026-01-01, input: "2.00", output: "8"}
    - {provider: openai, model: gpt-long, effective_from: 2026-01-01, input: "2.00", output: "8"}
"""


def record(acme: Scope, **changes: Any) -> UsageRecord:
    result = record_usage(events=[event(**changes)], key_scope_id=acme.pk, at=AT)
    assert [one.message for one in result.rejected] == []
    return UsageRecord.objects.get()


def sums() -> dict[str, Decimal]:
    names = ("list_cost", "contracted_cost", "effective_cost")
    return {name: sum((getattr(line, name) for line in UsageCharge.objects.all()), Decimal(0)) for name in names}


def charge_sums(listed: str, contracted: str) -> dict[str, Decimal]:
    paid = Decimal(contracted)
    return {"list_cost": Decimal(listed), "contracted_cost": paid, "effective_cost": paid}


@pytest.mark.parametrize(
    ("books", "changes", "listed", "contracted"),
    [
        pytest.param((DISCOUNTED,), {}, "0.0035", "0.00315", id="a tenth off the whole book"),
        pytest.param((DISCOUNTED,), {"model": "gpt-4o-mini"}, "0.0011", "0.00055", id="half off one entry"),
        pytest.param((AGREED,), {}, "0.0035", "0.0028", id="a contract beside the catalogue"),
        pytest.param((AGREED, PUBLISHED), {}, "0.0056", "0.0028", id="a contract beside a published list"),
        pytest.param((AGREED,), {"model": "gpt-mock"}, "0.0028", "0.0028", id="nobody publishes a price"),
        pytest.param((PUBLISHED, DISCOUNTED), {}, "0.0035", "0.00315", id="a contract comes first, whatever its name"),
        pytest.param(
            (AGREED, PUBLISHED), {"model": "gpt-long", "tokens": {"input": 1001, "output": 100}}, "0.008006",
            "0.002802", id="a context tier that only the list has",
        ),
        pytest.param((AGREED,), {"cost": "0.002"}, "0.0035", "0.0028", id="what was billed has both prices too"),
    ],
)  # fmt: skip
def test_every_charge_has_a_list_cost_and_a_contracted_cost(
    acme: Scope, books: tuple[str, ...], changes: dict[str, Any], listed: str, contracted: str
) -> None:
    for book in books:
        apply_book(book)
    found = record(acme, **changes)
    if "cost" in changes:
        assert found.cost == Decimal("0.002")
        assert sums() == {**charge_sums(listed, contracted), "effective_cost": Decimal("0.002")}
    else:
        assert found.cost == Decimal(contracted)
        assert sums() == charge_sums(listed, contracted)


@pytest.mark.parametrize(
    ("changes", "cost", "quantities"),
    [
        pytest.param(
            {"tokens": {"input": 1000, "audio_input": 400, "output": 100, "audio_output": 50}},
            "0.0057", {"audio_input": "400", "audio_output": "50"}, id="audio in and out",
        ),
        pytest.param(
            {"tokens": {"input": 1000, "cached_input": 600, "cached_audio_input": 200}}, "0.001",
            {"cached_audio_input": "200"}, id="audio from a cache costs what the cache costs",
        ),
        pytest.param(
            {"tokens": {"input": 1000, "cache_write": 600, "cache_write_1h": 200}}, "0.0013", {"cache_write_1h": "200"},
            id="written for five minutes and for an hour",
        ),
        pytest.param(
            {"tokens": {"input": 1000, "image_input": 400}}, "0.001", {"image_input": "400"},
            id="image tokens without a price of their own cost what input costs",
        ),
        pytest.param(
            {"tokens": {"input": 1000}, "quantities": {"web_search": 3, "character": 1000}}, "0.046",
            {"character": "1000", "web_search": "3"}, id="searches and characters",
        ),
        pytest.param({"tokens": {"input": 1000}, "quantities": {"image": 0}}, "0.001", {}, id="none is nothing"),
        pytest.param(
            {"model": "painter", "tokens": {}, "quantities": {"image": 2}}, "0.08", {"image": "2"}, id="images"
        ),
        pytest.param({"model": "painter", "tokens": {"input": 5}}, None, {}, id="images that nobody counted"),
        pytest.param(
            {"model": "plain", "tokens": {}, "quantities": {"page": 2}}, None, {"page": "2"},
            id="counted, without a price",
        ),
        pytest.param(
            {"model": "whisper", "tokens": {}, "quantities": {"audio_second": "12.345678"}}, "0.001234568",
            {"audio_second": "12.345678"}, id="seconds, rounded once",
        ),
        pytest.param(
            {"model": "nobody-knows", "quantities": {"image": 1}}, None, {"image": "1"}, id="without any price"
        ),
        pytest.param({"status": "error", "quantities": {"image": 1}}, None, {"image": "1"}, id="a call that failed"),
    ],
)  # fmt: skip
def test_what_few_calls_have_is_kept_and_priced(
    acme: Scope, changes: dict[str, Any], cost: str | None, quantities: dict[str, str]
) -> None:
    apply_book(PUBLISHED)
    found = record(acme, **{"model": "talker", **changes})
    assert (found.cost, found.quantities) == (None if cost is None else Decimal(cost), quantities)
    assert sum((line.effective_cost for line in UsageCharge.objects.all()), Decimal(0)) == UsageDay.objects.get().cost


def test_charge_lines_tell_the_rare_meters_from_the_common_ones(acme: Scope) -> None:
    apply_book(PUBLISHED)
    tokens = {"input": 1000, "cache_write": 600, "cache_write_1h": 200, "audio_input": 100, "output": 50}
    record(acme, model="talker", tokens=tokens, quantities={"web_search": 2})
    lines = UsageCharge.objects.values_list("meter", "quantity", "contracted_unit_price", "effective_cost")
    assert {meter: tuple(map(float, amounts)) for meter, *amounts in lines} == {
        "input": (300, 1, 0.0003),
        "audio_input": (100, 10, 0.001),
        "cache_write": (400, 1.25, 0.0005),
        "cache_write_1h": (200, 2, 0.0004),
        "output": (50, 2, 0.0001),
        "web_search": (2, 0.01, 0.02),
    }


def test_each_meter_has_a_line_with_its_price(acme: Scope) -> None:
    tokens = {"input": 1000, "cached_input": 400, "output": 100, "reasoning": 30}
    record_usage(events=[event(tokens=tokens), event(tokens=tokens)], key_scope_id=acme.pk, at=AT)
    lines = UsageCharge.objects.order_by("meter").values_list(
        "meter", "quantity", "contracted_unit_price", "effective_cost", "list_cost", "requests"
    )
    assert list(lines) == [
        ("cached_input", 800, Decimal("1.25"), Decimal("0.001"), Decimal("0.001"), 2),
        ("input", 1200, Decimal("2.5"), Decimal("0.003"), Decimal("0.003"), 2),
        ("output", 140, Decimal(10), Decimal("0.0014"), Decimal("0.0014"), 2),
        ("reasoning", 60, Decimal(10), Decimal("0.0006"), Decimal("0.0006"), 2),
    ]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"cost": Decimal(7)}, [("input", Decimal(5)), ("output", Decimal(2))]),
        ({"cost": Decimal(7), "model": "x"}, [("input", 0), ("output", 0), ("request", Decimal(7))]),
        ({"model": "x"}, [("input", 0), ("output", 0)]),
        ({"status": "error"}, []),
        ({"cached_response": True}, [("input", 0), ("output", 0)]),
        ({"model": "x", "tokens": {}}, [("request", 0)]),
    ],
)
def test_a_bill_is_spread_by_the_price_list_or_stands_on_the_request(
    acme: Scope, changes: dict[str, Any], wanted: list[tuple[str, Decimal]]
) -> None:
    record_usage(events=[event(**changes)], key_scope_id=acme.pk, at=AT)
    assert list(UsageCharge.objects.order_by("meter").values_list("meter", "effective_cost")) == wanted
