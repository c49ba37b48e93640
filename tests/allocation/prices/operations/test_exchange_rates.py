"""Money of other currencies: by the rate in force on the record's day, or not at all."""

from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from allocation.prices import operations
from allocation.prices.documents import ExchangeRatesDocument, PriceBookDocument
from allocation.prices.engine.exchange import RateMissing, exchange_rates
from allocation.prices.importers.exchange_rates import read_rates
from allocation.prices.models import ExchangeRate
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.documents import Change, DocumentError, load_documents, parse_document
from governance.errors import DomainError
from governance.organisations.operations import create_scope
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event

RATES = """
apiVersion: weir/v1
kind: ExchangeRates
metadata: {name: ecb}
spec:
  organisation: acme
  source: ECB
  rates:
    - {from: EUR, to: USD, effective_from: 2026-11-20, rate: "1.08"}
    - {from: EUR, to: USD, effective_from: 2026-11-24, rate: "1.10"}
    - {from: USD, to: GBP, effective_from: 2026-01-01, rate: "0.8"}
"""
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
DAY_OF_1970 = date(1970, 1, 1).toordinal()


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
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (RATES.replace("to: USD", "to: EUR"), "the same currency"),
        (RATES.replace('"1.08"', '"0"'), "greater than 0"),
        (RATES.replace("2026-11-20", "2026-11-24"), "a second time"),
        (RATES.replace('"1.08"', '"1.000000001"'), "no more than 8 decimal places"),
        (RATES.replace("from: EUR", "from: Euro"), "should match pattern"),
    ],
)
def test_a_mistake_in_a_document_is_named(text: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        parse_document(TypeAdapter(ExchangeRatesDocument), load_documents(text, source="rates.yaml")[0])


WIDE = "Date, USD, JPY, GBP, \n24 November 2026, 1.1, N/A, 0.83, \n2026-11-23, 1.08, 160.5, zero, \n"
LONG = "date,from,to,rate\n2026-11-24,EUR,USD,1.1\n2026-11-24,EUR,EUR,1\n"


def test_a_table_as_the_ecb_publishes_it() -> None:
    found = read_rates(WIDE, base="EUR")
    assert [(f"{rate.effective_from}", rate.to_currency, f"{rate.rate}") for rate in found.rates] == [
        ("2026-11-24", "USD", "1.1"), ("2026-11-24", "GBP", "0.83"), ("2026-11-23", "USD", "1.08"),
        ("2026-11-23", "JPY", "160.5"),
    ]  # fmt: skip
    assert ([one.name for one in found.unusable], found.cells) == (["line 3 GBP"], 5)
    only = read_rates(WIDE, base="EUR", currencies=frozenset({"USD"}), since=date(2026, 11, 24))
    assert [rate.rate for rate in only.rates] == [Decimal("1.1")]


def test_one_rate_a_line() -> None:
    found = read_rates(LONG, base="EUR")
    assert ([rate.key for rate in found.rates], [one.name for one in found.unusable]) == (
        [("EUR", "USD", date(2026, 11, 24))], ["line 3"]
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "Day,USD\n", "Date,dollars\n2026-11-24,1\n"])
def test_another_table_is_refused(text: str) -> None:
    with pytest.raises(DomainError):
        read_rates(text, base="EUR")


def test_the_command_brings_rates_in(acme: Scope, tmp_path: Path) -> None:
    file = tmp_path / "eurofxref.csv"
    file.write_text(WIDE)
    words = ("prices", "rates", str(file), "--organisation", "acme", "--source", "ECB")
    out = StringIO()
    call_command(*words, "--dry-run", stdout=out)
    assert ExchangeRate.objects.count() == 0
    call_command(*words, stdout=out)
    call_command(*words, stdout=out)
    said = out.getvalue().splitlines()
    assert said.count("not usable: line 3 GBP: rate: Input should be a valid decimal") == 3
    assert [line.rpartition(": ")[2] for line in said if "rates read" in line] == [
        "would be created.", "created.", "unchanged.",
    ]  # fmt: skip
    assert ExchangeRate.objects.count() == 4


def test_the_longest_rate_fits_beside_a_record() -> None:
    longest = Decimal("123456.12345678")
    rates = exchange_rates("USD", [("USD", "EUR", date(2026, 1, 1), longest)])
    rate = rates.on("EUR", date(2026, 1, 2).toordinal() - DAY_OF_1970)
    assert not isinstance(rate, RateMissing)
    assert len(f"999999 {rate.name}") <= UsageRecord._meta.get_field("price_version").max_length  # type: ignore[operator]


DAYS = st.dates(date(2026, 1, 1), date(2026, 2, 1))
VALUES = st.decimals(min_value=Decimal("0.0001"), max_value=1000, places=4)


@given(st.lists(st.tuples(DAYS, VALUES), max_size=9), DAYS)
def test_the_last_statement_for_the_last_day_before_holds(stated: list[tuple[date, Decimal]], on: date) -> None:
    rates = exchange_rates("USD", [("EUR", "USD", day, value) for day, value in stated])
    before = [day for day, _ in stated if day <= on]
    found = rates.on("EUR", on.toordinal() - DAY_OF_1970)
    if not before:
        assert found == RateMissing("EUR", "USD", on)
        return
    wanted = [value for day, value in stated if day == max(before)][-1]
    assert not isinstance(found, RateMissing)
    assert found.convert(Decimal(3)) == 3 * wanted


@given(VALUES, st.decimals(min_value=0, max_value=10**6, places=6))
def test_an_inverse_rate_leads_back_to_the_amount(value: Decimal, amount: Decimal) -> None:
    rates = exchange_rates("USD", [("USD", "EUR", date(2026, 1, 1), value)])
    rate = rates.on("EUR", date(2026, 1, 2).toordinal() - DAY_OF_1970)
    assert not isinstance(rate, RateMissing)
    assert abs(rate.convert(amount) * value - amount) < Decimal("1e-15")
