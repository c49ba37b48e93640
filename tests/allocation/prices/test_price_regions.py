"""Prices of a region, said in a book and priced by it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from allocation.corrections.operations import rerate_usage
from allocation.prices.documents import PriceSpec
from allocation.prices.engine.differences import PriceKey
from allocation.prices.engine.history import merge_prices
from allocation.prices.queries import stated_prices
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event
from tests.allocation.prices.commands import run
from tests.allocation.prices.operations.test_price_books import apply_book

BOOK = """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: list}
spec:
  organisation: acme
  prices:
    - {provider: nimbus, model: cirrus, effective_from: 2026-01-01, input: 1, output: 0}
    - {provider: nimbus, model: cirrus, effective_from: 2026-01-01, region: "eu-*", input: 2, output: 0}
    - {provider: nimbus, model: cirrus, effective_from: 2026-01-01, region: "eu-north-*", input: 3, output: 0}
    - {provider: nimbus, model: cirrus, effective_from: 2026-01-01, region: eu-north-1, input: 4, output: 0}
    - {provider: nimbus, model: cirrus, effective_from: 2026-12-01, region: ap-south-1, input: 9, output: 0}
    - {provider: nimbus, model: "cir*", effective_from: 2026-01-01, region: us-east-1, input: 8, output: 0}
    - {provider: nimbus, model: stratus, effective_from: 2026-01-01, region: West Europe, input: 5, output: 0}
"""
CALL = {"provider": "nimbus", "model": "cirrus", "tokens": {"input": 1_000_000}}


@pytest.mark.parametrize(
    ("call", "wanted", "why"),
    [
        ({}, "1", "no region is named"),
        ({"attributes": {"region": "us-west-2"}}, "1", "elsewhere"),
        ({"attributes": {"region": "eu-west-1"}}, "2", "a pattern, though it stands after the price of elsewhere"),
        ({"attributes": {"region": "EU-WEST-1"}}, "2", "whatever the case"),
        ({"attributes": {"region": "eu-north-2"}}, "3", "the longer pattern"),
        ({"attributes": {"region": "eu-north-1"}}, "4", "the region's own name"),
        ({"attributes": {"region": "ap-south-1"}}, "1", "not yet in force there"),
        ({"attributes": {"region": "us-east-1"}}, "1", "of other names the book's order decides"),
        ({"attributes": {"team": "eu-west-1"}}, "1", "another attribute is no region"),
        ({"model": "stratus", "attributes": {"region": "west europe"}}, "5", "a name with a blank"),
        ({"model": "stratus"}, None, "a price of one region is no price elsewhere"),
    ],
)
def test_what_a_call_costs(acme: Scope, call: dict[str, object], wanted: str | None, why: str) -> None:
    apply_book(BOOK)
    assert record_usage(events=[event(**CALL | call)], key_scope_id=acme.pk, at=AT).accepted == 1
    assert UsageRecord.objects.get().cost == (None if wanted is None else Decimal(wanted)), why


def test_a_region_is_priced_again_as_itself(acme: Scope) -> None:
    apply_book(BOOK)
    record_usage(events=[event(**CALL, attributes={"region": "eu-west-1"})], key_scope_id=acme.pk, at=AT)
    apply_book(BOOK.replace("input: 2", "input: 7"))
    again = rerate_usage(
        organisation=acme, since=AT - timedelta(days=1), until=AT, reason="dearer", actor=SYSTEM, at=AT
    )
    assert (again.corrected, again.change) == (1, Decimal(5))


def test_a_region_is_kept_of_more_attributes_than_are_stored(acme: Scope) -> None:
    apply_book(BOOK)
    many = {f"k{number}": "x" for number in range(40)} | {"region": "eu-west-1"}
    record_usage(events=[event(**CALL, attributes=many)], key_scope_id=acme.pk, at=AT)
    record = UsageRecord.objects.get()
    assert (record.cost, record.attributes["region"]) == (Decimal(2), "eu-west-1")


SPEC = {"provider": "p", "model": "m", "effective_from": "2026-01-01", "input": 1}


def test_prices_of_a_region_follow_one_another_apart() -> None:
    here = PriceSpec.model_validate({**SPEC, "region": "eu-*"})
    elsewhere = PriceSpec.model_validate({**SPEC, "input": 3})
    dearer = PriceSpec.model_validate({**SPEC, "input": 4, "effective_from": "2026-06-01"})
    merged = merge_prices([here, elsewhere], [dearer])
    assert [(price.region, price.effective_to is None, price.input) for price in merged.entries] == [
        ("eu-*", True, 1), (None, False, 3), (None, True, 4),
    ]  # fmt: skip
    assert stated_prices([here, elsewhere], AT) == {
        PriceKey("p", "m", "standard", 0, "input"): 3, PriceKey("p", "m", "standard", 0, "input", "eu-*"): 1,
    }  # fmt: skip


def test_what_differs_is_told_by_region(acme: Scope) -> None:
    apply_book(BOOK)
    cheaper = BOOK.replace('"eu-north-*", input: 3', '"eu-north-*", input: 2.4')
    apply_book(cheaper.replace("us-east-1", '"us-*"'))
    assert run("diff", "list", "--at", "2026-11-24") == [
        "~ nimbus/cirrus input in eu-north-*: 3 → 2.4 (-20.00 %)",
        "- nimbus/cir* input in us-east-1: 8",
        "- nimbus/cir* output in us-east-1: 0",
        "+ nimbus/cir* input in us-*: 8",
        "+ nimbus/cir* output in us-*: 0",
        "list v1 against list v2: 1 differ, 2 only in list v1, 2 only in list v2, 9 the same.",
    ]
    assert "- nimbus/cirrus input in eu-*: 2" in run("diff", "list", "--catalogue", "--at", "2026-11-24")


def test_a_region_has_a_name() -> None:
    with pytest.raises(ValidationError, match="region"):
        PriceSpec.model_validate({**SPEC, "region": ""})
