"""Money of other currencies: by the rate in force on the record's day, or not at all."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from pydantic import TypeAdapter

from allocation.prices import operations
from allocation.prices.documents import ExchangeRatesDocument, PriceBookDocument
from allocation.prices.models import ExchangeRate
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.documents import Change, load_documents, parse_document
from governance.organisations.operations import create_scope
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event
from tests.allocation.prices.exchange_rates import RATES
from tests.database_owner import as_owner

BOOK = """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: euros}
spec:
  organisation: acme
  currency: EUR
  prices:
    - {provider: openai, model: gpt-4o, effective_from: 2026-01-01, input: "2.00", output: 8}
"""


def apply_rates(text: str = RATES) -> Change:
    document = parse_document(TypeAdapter(ExchangeRatesDocument), load_documents(text, source="rates.yaml")[0])
    return operations.apply_exchange_rates(document, actor=SYSTEM, at=AT)


def apply_book(text: str = BOOK) -> Change:
    document = parse_document(TypeAdapter(PriceBookDocument), load_documents(text, source="book.yaml")[0])
    return operations.apply_price_book(document, actor=SYSTEM, at=AT)


def recorded(acme: Scope, **changes: Any) -> tuple[Decimal | None, str, str]:
    result = record_usage(events=[event(**changes)], key_scope_id=acme.pk, at=AT)
    assert [one.message for one in result.rejected] == []
    record = UsageRecord.objects.latest("received_at", "event_id")
    return record.cost, record.price_source, record.price_version


@pytest.mark.parametrize(
    ("occurred_at", "cost", "version"),
    [
        ("2026-11-24T00:00:00Z", "0.00308", "1 EUR 1.1 2026-11-24"),
        ("2026-11-23T23:59:59Z", "0.003024", "1 EUR 1.08 2026-11-20"),
        ("2026-11-20T00:00:00Z", "0.003024", "1 EUR 1.08 2026-11-20"),
    ],
)
def test_a_book_in_another_currency_counts_at_the_rate_of_the_day(
    acme: Scope, occurred_at: str, cost: str, version: str
) -> None:
    apply_rates()
    apply_book()
    assert recorded(acme, occurred_at=occurred_at) == (Decimal(cost), "pricebook:euros", version)


def test_a_missing_rate_quarantines_and_the_record_counts_once_it_is_there(acme: Scope) -> None:
    apply_book()
    result = record_usage(events=[event(id="1")], key_scope_id=acme.pk, at=AT)
    (rejection,) = result.rejected
    assert (rejection.code, rejection.field) == ("exchange_rate_missing", "model")
    assert "from EUR to USD is in force on 2026-11-24" in rejection.message
    assert replay_quarantined(actor=SYSTEM, at=AT).remaining == {"exchange_rate_missing": 1}
    apply_rates()
    assert replay_quarantined(actor=SYSTEM, at=AT, code="exchange_rate_missing").accepted == 1
    record = UsageRecord.objects.get()
    assert (record.cost, record.price_version) == (Decimal("0.00308"), "1 EUR 1.1 2026-11-24")
    assert QuarantinedUsage.objects.waiting().count() == 0


@pytest.mark.parametrize(
    ("cost", "wanted", "version"),
    [
        ({"amount": "2", "currency": "EUR"}, "2.2", "EUR 1.1 2026-11-24"),
        ({"amount": "2", "currency": "GBP"}, "2.5", "GBP /0.8 2026-01-01"),
        ({"amount": "2", "currency": "USD"}, "2", ""),
    ],
)
def test_what_the_provider_billed_in_another_currency_is_converted(
    acme: Scope, cost: dict[str, str], wanted: str, version: str
) -> None:
    apply_rates()
    assert recorded(acme, cost=cost) == (Decimal(wanted), "provider", version)


def test_a_bill_in_a_currency_without_a_rate_is_quarantined_by_name(acme: Scope) -> None:
    apply_rates()
    bill = event(cost={"amount": "200", "currency": "JPY"})
    (rejection,) = record_usage(events=[bill], key_scope_id=acme.pk, at=AT).rejected
    assert (rejection.code, rejection.field) == ("exchange_rate_missing", "cost.currency")
    assert "from JPY to USD is in force on 2026-11-24" in rejection.message


def test_the_catalogue_prices_an_organisation_in_euros_when_a_rate_leads_there(db: None) -> None:
    root = create_scope(slug="acme", kind="organisation", currency="EUR", actor=SYSTEM, at=AT)
    assert recorded(root, scope="acme", id="1")[1] == "none"
    apply_rates()
    cost, source, version = recorded(root, scope="acme", id="2")
    assert (source, version.split(" ", 1)[1]) == ("genai-prices", "EUR /1.1 2026-11-24".replace("EUR", "USD"))
    assert cost == Decimal("0.003181818")


def test_rates_are_added_and_never_changed(acme: Scope) -> None:
    assert apply_rates().action == "create"
    assert apply_rates().action == "unchanged"
    changed = apply_rates(RATES.replace('"1.10"', '"1.12"'))
    assert (changed.action, changed.differences) == ("update", ("2026-11-24 EUR to USD: 1.1 → 1.12",))
    assert ExchangeRate.objects.count() == 4
    assert DecisionRecord.objects.filter(action="exchange_rates.apply").count() == 2
    apply_book()
    assert recorded(acme)[2] == "1 EUR 1.12 2026-11-24"
    for change in (lambda: ExchangeRate.objects.update(rate=2), lambda: ExchangeRate.objects.all().delete()):
        with as_owner(), pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
