"""Charge lines as FOCUS: what is written follows our own rules, in both versions, and reads back as what it was."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.focus.engine.check import check
from allocation.focus.engine.formats import is_null
from allocation.focus.engine.layout import EXPORTED, Layout
from allocation.focus.engine.lines import METERS, ChargeKind, ScopeFacts, Writer
from governance.pages.engine.spreadsheets import unguarded
from tests.allocation.focus.engine.written import ACCOUNT, KIND, amounts, parsed, written


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


@pytest.mark.parametrize("version", EXPORTED)
@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (KIND, {}),
        *[(KIND._replace(meter=meter), {"listed": "0.0", "contracted": "0.0", "millions": "0.0", "quantity": "0.0"})
          for meter in METERS],
        (KIND._replace(meter="image", list_unit_price=None, contracted_unit_price=None), {}),
        (KIND._replace(scope_id=1), {}),
        # A price for a million characters: 0.016 a thousand.
        (KIND._replace(meter="character", list_unit_price="16.0", contracted_unit_price="4.6875"),
         {"quantity": "2500.0", "millions": "0.0025", "listed": "0.04", "contracted": "0.01171875"}),
        # Money that the provider gave back.
        (KIND._replace(meter="adjustment", price_source="provider", list_unit_price=None, contracted_unit_price=None),
         {"quantity": "0.0", "listed": "-2.0", "contracted": "-2.0", "effective": "-2.0", "billed": "-2.0"}),
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
    # As an import reads it: what a spreadsheet would run is written with an apostrophe.
    assert (unguarded(rows[0]["x_ModelId"]), unguarded(rows[0]["x_Provider"])) == (model, provider)
    assert list(check("1.4", rows, layout.columns)) == []
