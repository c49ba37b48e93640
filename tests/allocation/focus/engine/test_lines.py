"""Charge lines as FOCUS: what is written follows our own rules, in both versions, and reads back as what it was."""

import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.focus.engine.check import check
from allocation.focus.engine.formats import is_null, number_text
from allocation.focus.engine.imported import custom_columns, imported_row, target_columns
from allocation.focus.engine.layout import EXPORTED, Layout, csv_text, line_of
from allocation.focus.engine.lines import METERS, Account, Amounts, ChargeKind, ScopeFacts, Writer
from allocation.focus.engine.reading import Charge, Reader
from allocation.focus.engine.shared import allocated_rows, commitment_rows
from allocation.focus.engine.usage import usage_of

ACCOUNT = Account("acme", "Acme Corp", "USD")
SCOPES = {
    1: ScopeFacts(1, "acme", "Acme Corp", "organisation", is_root=True, tags={}),
    2: ScopeFacts(2, "acme/search", "Search", "team", is_root=False, tags={"env": "prod, 50%", "cost_centre": "7"}),
}
KIND = ChargeKind(2, "openai", "gpt-4o", "inference", "standard", "genai-prices", "2026-10", "", "input", "2.5", "2.0")


def amounts(**changes: str) -> Amounts:
    return Amounts("2026-10-31", "3", "8400000.0", "8.4", "21.0", "16.8", "16.8", "16.8")._replace(**changes)


def parsed(text: str) -> list[dict[str, str | None]]:
    """An empty cell is null: nothing of ours is an empty text."""
    return [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(io.StringIO(text))]


def written(version: Any, *lines: tuple[ChargeKind, Amounts]) -> str:
    layout = Layout.of(version)
    writer = Writer(layout, ACCOUNT, SCOPES)
    return layout.header() + "".join(writer.line(kind, amount) for kind, amount in lines)


def test_a_line_of_input_tokens() -> None:
    row = parsed(written("1.2", (KIND, amounts())))[0]
    wanted = {
        "BilledCost": "16.8", "BillingAccountId": "acme", "BillingCurrency": "USD",
        "BillingPeriodStart": "2026-10-01T00:00:00Z", "BillingPeriodEnd": "2026-11-01T00:00:00Z",
        "ChargePeriodStart": "2026-10-31T00:00:00Z", "ChargePeriodEnd": "2026-11-01T00:00:00Z",
        "ChargeCategory": "Usage", "ChargeClass": None, "ConsumedQuantity": "8400000.0", "ConsumedUnit": "Tokens",
        "PricingQuantity": "8.4", "PricingUnit": "1000000 Tokens", "ListUnitPrice": "2.5", "ContractedUnitPrice": "2.0",
        "ListCost": "21.0", "ContractedCost": "16.8", "EffectiveCost": "16.8", "PricingCategory": "Standard",
        "ProviderName": "OpenAI", "SkuId": "openai/gpt-4o/input", "SkuMeter": "Input Tokens",
        "SkuPriceId": "openai/gpt-4o/input/standard/2.5", "SubAccountId": "acme/search", "SubAccountType": "Team",
        "Tags": '{"cost_centre": "7", "env": "prod, 50%"}', "x_ProcessingTier": "standard", "x_RequestCount": "3",
        "x_ScopePath": "acme/search", "x_PriceSource": "genai-prices",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert json.loads(row["SkuPriceDetails"] or "") == {
        "x_ModelId": "gpt-4o", "x_ProcessingTier": "standard", "x_TokenCacheAction": "Uncached",
        "x_TokenDirection": "Input",
    }  # fmt: skip
    assert row["x_Records"] == (
        "/api/v1/usage?scope=acme%2Fsearch&below=false&model=gpt-4o&price_source=genai-prices&provider=openai"
        "&service_tier=standard&booked_on=2026-10-31"
    )


def test_a_later_version_names_the_parties_otherwise() -> None:
    row = parsed(written("1.4", (KIND, amounts())))[0]
    assert (row["ServiceProviderName"], row["HostProviderName"], row["InvoiceIssuerName"]) == ("OpenAI",) * 3
    assert not {"ProviderName", "PublisherName", "x_AllocatedMethodId"} & row.keys()
    assert row["AllocatedMethodId"] is None


def test_columns_are_sorted_and_ours_come_last() -> None:
    for version in EXPORTED:
        columns = Layout.of(version, {"x_Zone", "x_Aisle"}).columns
        focus = [name for name in columns if not name.startswith("x_")]
        assert list(columns) == sorted(focus) + sorted(set(columns) - set(focus))


@pytest.mark.parametrize("version", EXPORTED)
@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (KIND, {}),
        *[(KIND._replace(meter=meter), {"listed": "0.0", "contracted": "0.0", "millions": "0.0", "quantity": "0.0"})
          for meter in METERS],
        (KIND._replace(meter="image", list_unit_price=None, contracted_unit_price=None), {}),
        (KIND._replace(scope_id=1), {}),
        # A bill without rates stands on its requests; what it comes to a request is no known way of pricing.
        (KIND._replace(meter="request", price_source="provider", list_unit_price=None, contracted_unit_price=None),
         {"quantity": "3.0", "listed": "0.1", "contracted": "0.1"}),
        (KIND._replace(list_unit_price=None, contracted_unit_price=None), {"listed": "0.0", "contracted": "0.0"}),
        (KIND._replace(charge_class="Correction"), {"listed": "-1.5"}),
        (KIND._replace(meter="adjustment", charge_class="Correction", list_unit_price=None,
                       contracted_unit_price=None), {"listed": "-1.5", "quantity": "0.0"}),
        (KIND._replace(meter="adjustment", list_unit_price=None, contracted_unit_price=None), {"listed": "-1.5"}),
        (KIND._replace(model='we"ird, %s model', provider="self\\hosted"), {}),
    ],
)  # fmt: skip
def test_what_is_written_passes_our_own_check(version: Any, kind: ChargeKind, change: dict[str, str]) -> None:
    text = written(version, (kind, amounts(**change)))
    columns = Layout.of(version).columns
    assert list(check(version, parsed(text), columns)) == []


def test_corrections_are_told_from_adjustments_of_an_open_month() -> None:
    money = KIND._replace(meter="adjustment", list_unit_price=None, contracted_unit_price=None)
    rows = parsed(written("1.2", (money, amounts()), (money._replace(charge_class="Correction"), amounts())))
    assert [(row["ChargeCategory"], row["ChargeClass"], row["ConsumedQuantity"], row["SkuId"]) for row in rows] == [
        ("Adjustment", None, None, None),
        ("Usage", "Correction", None, None),
    ]


@pytest.mark.parametrize("version", EXPORTED)
@pytest.mark.parametrize(
    "meter", ["input", "cached_input", "cache_write", "output", "reasoning", "request", "gpu_hour"]
)
def test_a_line_reads_back_as_the_meter_it_was(version: Any, meter: str) -> None:
    text = written(version, (KIND._replace(meter=meter, service_tier="batch"), amounts(quantity="12.0")))
    header, row = list(csv.reader(io.StringIO(text)))
    charge = Reader(header, currency="EUR").read([cell or None for cell in row])
    assert isinstance(charge, Charge)
    event = usage_of(charge, event_id="1", source="focus")
    assert isinstance(event, dict)
    counted = {"tokens": event.get("tokens"), "requests": event.get("requests"), "gpu": event.get("gpu_seconds")}
    assert {name: value for name, value in counted.items() if value is not None} == {
        "input": {"tokens": {"input": 12}},
        "cached_input": {"tokens": {"input": 12, "cached_input": 12}},
        "cache_write": {"tokens": {"input": 12, "cache_write": 12}},
        "output": {"tokens": {"output": 12}},
        "reasoning": {"tokens": {"output": 12, "reasoning": 12}},
        "request": {"requests": 12},
        "gpu_hour": {"gpu": "43200.000000"},
    }[meter]
    assert (event["provider"], event["model"], event["service_tier"]) == ("openai", "gpt-4o", "batch")
    assert event["cost"] == {"amount": "16.8", "currency": "USD"}
    assert charge.notes == ()


def test_rows_of_other_versions_find_their_column() -> None:
    columns = ("ProviderName", "PublisherName", "Id", "SkuPriceid", "x_Own", "x_AllocatedMethodId", "Cost Centre")
    assert target_columns("1.4", columns) == (
        "ServiceProviderName", "x_PublisherName", "x_Id", "SkuPriceId", "x_Own", "AllocatedMethodId", "x_CostCentre",
    )  # fmt: skip
    assert target_columns("1.2", ("ServiceProviderName", "HostProviderName", "AllocatedMethodId")) == (
        "ProviderName", "x_HostProviderName", "x_AllocatedMethodId",
    )  # fmt: skip
    assert custom_columns("1.4", [columns]) == {"x_PublisherName", "x_Id", "x_Own", "x_CostCentre"}
    assert len(set(target_columns("1.2", ("Id", "id", "x_Id", "BilledCost", "billedcost")))) == 5


def test_an_imported_cell_is_mended_only_where_focus_does_not_allow_it() -> None:
    columns = ("BilledCost", "ListCost", "ChargePeriodStart", "SubAccountId", "Tags", "x_Own")
    row = imported_row(
        "1.2", columns, ["42.00", "$10,000.00 ", "5/1/25", "NULL", "{}", "NULL"], {"BillingCurrency": "USD"}
    )
    assert row == {
        "BilledCost": "42.00", "ListCost": "10000.0", "ChargePeriodStart": "2025-05-01T00:00:00Z", "SubAccountId": None,
        "Tags": "{}", "x_Own": "NULL", "BillingCurrency": "USD",
    }  # fmt: skip


CELL = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@given(st.lists(CELL, min_size=2, max_size=6))
def test_csv_tells_null_from_empty_and_loses_no_character(cells: list[str | None]) -> None:
    line = line_of(cells)
    assert next(csv.reader(io.StringIO(line, newline=""))) == [cell or "" for cell in cells]
    assert [csv_text(cell) for cell in (None, "")] == ["", '""']


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=9))
def test_numbers_are_written_exactly(number: Decimal) -> None:
    text = number_text(number)
    assert Decimal(text) == number
    assert "." in text
    assert "E" not in text


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=10).map(str.strip)
# A scope may be called "null"; whoever reads the file takes that for none.
NAMES = TEXT.filter(lambda text: not is_null(text))


@given(NAMES, NAMES, NAMES, st.sampled_from(sorted(METERS)))
def test_any_names_at_all_are_written_soundly(provider: str, model: str, tag: str, meter: str) -> None:
    scopes = {2: ScopeFacts(2, "acme/search", tag, "team", is_root=False, tags={tag: tag})}
    layout = Layout.of("1.4")
    kind = KIND._replace(provider=provider, model=model, meter=meter)
    zero = amounts(millions="0.0", quantity="0.0", listed="0.0", contracted="0.0")
    text = layout.header() + Writer(layout, ACCOUNT, scopes).line(kind, zero)
    rows = parsed(text)
    assert (rows[0]["x_ModelId"], rows[0]["x_Provider"]) == (model, provider)
    assert list(check("1.4", rows, layout.columns)) == []


@dataclass(frozen=True)
class Part:
    amount: Decimal = Decimal(30)
    is_external: bool = False
    pool_source: str = "usage"
    period_start: datetime = datetime(2026, 12, 1, tzinfo=UTC)
    period_end: datetime = datetime(2027, 1, 1, tzinfo=UTC)
    method_id: str = "platform/v1"
    method_details: str = '{"Elements":[{"AllocatedRatio":0.5,"UsageUnit":"Tokens","UsageQuantity":7}]}'
    pool: str = "platform"
    allocated_resource_id: str = "acme/search"
    allocated_resource_name: str = "Search"
    allocated_tags: str = "{}"
    run_id: int = 4


def checked(version: Any, rows: list[dict[str, str | None]]) -> list[Any]:
    layout = Layout.of(version)
    return list(check(version, parsed(layout.header() + "".join(layout.line(row) for row in rows)), layout.columns))


@pytest.mark.parametrize("version", EXPORTED)
def test_shared_cost_is_borne_once(version: Any) -> None:
    layout = Layout.of(version)
    rows = list(allocated_rows(layout, Part(), ACCOUNT, SCOPES[1], SCOPES[2]))
    assert [(row["x_ScopePath"], row["EffectiveCost"]) for row in rows] == [("acme/search", "30.0"), ("acme", "-30.0")]
    assert [row.get(layout.available_column("AllocatedMethodId")) for row in rows] == ["platform/v1", None]
    assert checked(version, rows) == []
    # Money that no usage holds is added; what a pool keeps moves nothing; a commitment's rows are there already.
    assert [
        row["BilledCost"] for row in allocated_rows(layout, Part(is_external=True), ACCOUNT, SCOPES[1], SCOPES[2])
    ] == ["30.0"]
    assert list(allocated_rows(layout, Part(), ACCOUNT, SCOPES[1], SCOPES[1])) == []
    idle = Part(is_external=True, pool_source="commitment")
    assert len(list(allocated_rows(layout, idle, ACCOUNT, SCOPES[1], SCOPES[2]))) == 2


@dataclass(frozen=True)
class Share:
    status: str
    amount: Decimal
    quantity: Decimal
    booked_cost: Decimal = Decimal(0)
    scope: str = ""
    model: str = ""
    commitment: str = "gpus-2026"
    kind: str = "reserved_gpu"
    provider: str = "self"
    unit: str = "gpu_hour"
    period_start: datetime = datetime(2026, 10, 5, tzinfo=UTC)
    period_end: datetime = datetime(2026, 10, 6, tzinfo=UTC)


@pytest.mark.parametrize("version", EXPORTED)
@pytest.mark.parametrize("unit", ["gpu_hour", "token", "request", "money"])
def test_a_commitment_is_billed_once_and_effective_once(version: Any, unit: str) -> None:
    used = Share("Used", Decimal(60), Decimal(6), Decimal(90), "acme/search", "llama", unit=unit)
    idle = Share("Unused", Decimal(40), Decimal(4), unit=unit)
    by_path = {"": SCOPES[1], "acme/search": SCOPES[2]}
    rows = list(commitment_rows([used, idle], ACCOUNT, by_path.__getitem__))
    assert [(row["ChargeCategory"], row["BilledCost"], row["EffectiveCost"], row["x_ScopePath"]) for row in rows] == [
        ("Purchase", "100.0", "0.0", "acme"),
        ("Adjustment", "-90.0", "-30.0", "acme/search"),
        ("Usage", "0.0", "40.0", "acme"),
    ]
    assert checked(version, rows) == []
    # With the 90 that the usage was booked at: 100 billed, 100 effective.
    for cost in ("BilledCost", "EffectiveCost"):
        assert sum(Decimal(row[cost] or 0) for row in rows) + 90 == 100
