from decimal import Decimal
from typing import Any

import pytest

from allocation.prices.models import Price, PriceBook
from allocation.prices.operations import apply_price_book, plan_price_book
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.documents import Change
from governance.errors import DomainError
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event, make_organisation
from tests.allocation.declared_documents import BOOK, book


def apply_book(text: str = BOOK) -> Change:
    return apply_price_book(book(text), actor=SYSTEM, at=AT)


@pytest.mark.parametrize(
    ("changes", "cost", "source"),
    [
        pytest.param({}, "0.0028", "pricebook:contract", id="the book comes before the catalogue"),
        pytest.param(
            {"tokens": {"input": 1000, "cached_input": 500}}, "0.002", "pricebook:contract",
            id="no cached price: input's",
        ),
        pytest.param({"model": "gpt-mock", "requests": 3}, "0.03", "pricebook:contract", id="per request"),
        pytest.param({"model": "gpt-mock", "occurred_at": "2026-11-24T11:59:59Z"}, None, "none", id="before it starts"),
        pytest.param(
            {"provider": "self", "model": "llama-70b", "gpu_seconds": Decimal("1.5")}, "0.0015", "pricebook:contract",
            id="by the GPU hour",
        ),
        pytest.param({"service_tier": "flex"}, "0.0014", "pricebook:contract", id="a tier that the book states"),
        pytest.param({"service_tier": "priority"}, "0.00595", "genai-prices", id="a tier of the catalogue alone"),
    ],
)  # fmt: skip
def test_a_price_book_overrides_the_catalogue(
    acme: Scope, changes: dict[str, Any], cost: str | None, source: str
) -> None:
    apply_book()
    record_usage(events=[event(**changes)], key_scope_id=acme.pk, at=AT)
    record = UsageRecord.objects.get()
    assert (record.cost, record.price_source) == (None if cost is None else Decimal(cost), source)


def test_a_changed_book_is_a_new_version_and_old_costs_stay(acme: Scope) -> None:
    assert apply_book() == Change(kind="PriceBook", name="contract", action="create")
    record_usage(events=[event(id="1")], key_scope_id=acme.pk, at=AT)
    dearer = BOOK.replace('"2.00"', '"3.00"')
    planned = plan_price_book(book(dearer), AT)
    assert (planned.action, len(planned.differences)) == ("update", 2)
    assert apply_book(dearer) == planned
    assert apply_book(dearer).action == "unchanged"
    record_usage(events=[event(id="2")], key_scope_id=acme.pk, at=AT)
    found = UsageRecord.objects.order_by("event_id").values_list("event_id", "cost", "price_version")
    assert list(found) == [("1", Decimal("0.0028"), "1"), ("2", Decimal("0.0038"), "2")]
    assert list(PriceBook.objects.order_by("version").values_list("version", "is_current")) == [(1, False), (2, True)]
    assert Price.objects.filter(book__version=1).count() == 6
    assert DecisionRecord.objects.filter(action="price_book.apply").count() == 2


def test_a_book_prices_its_own_organisation_only(acme: Scope) -> None:
    globex = make_organisation("globex")
    apply_book()
    record_usage(events=[event(scope="globex")], key_scope_id=globex.pk, at=AT)
    assert UsageRecord.objects.get().price_source == "genai-prices"
    with pytest.raises(DomainError, match="belongs to acme"):
        apply_book(BOOK.replace("organisation: acme", "organisation: globex"))
