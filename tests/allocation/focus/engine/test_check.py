"""The rule table: each row a sound one with one thing changed, and what must be said of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.focus.engine.check import check
from allocation.focus.engine.columns import VERSIONS, Level, columns_of, recognise
from allocation.focus.engine.values import ALLOWED, SUBCATEGORIES

SOUND: dict[str, str | None] = {
    "BilledCost": "42.00",
    "BillingAccountId": "acct-1",
    "BillingAccountName": "Acme",
    "BillingCurrency": "USD",
    "BillingPeriodEnd": "2026-11-01T00:00:00Z",
    "BillingPeriodStart": "2026-10-01T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeClass": None,
    "ChargeDescription": "Input tokens",
    "ChargeFrequency": "Usage-Based",
    "ChargePeriodEnd": "2026-10-02T00:00:00Z",
    "ChargePeriodStart": "2026-10-01T00:00:00Z",
    "CommitmentDiscountCategory": None,
    "CommitmentDiscountId": None,
    "CommitmentDiscountQuantity": None,
    "CommitmentDiscountStatus": None,
    "CommitmentDiscountType": None,
    "CommitmentDiscountUnit": None,
    "ConsumedQuantity": "8400000.0",
    "ConsumedUnit": "Tokens",
    "ContractedCost": "42.00",
    "ContractedUnitPrice": "5.00",
    "EffectiveCost": "42.00",
    "InvoiceIssuerName": "Solora AI",
    "ListCost": "42.00",
    "ListUnitPrice": "5.00",
    "PricingCategory": "Standard",
    "PricingQuantity": "8.4",
    "PricingUnit": "1000000 Tokens",
    "ProviderName": "Solora AI",
    "PublisherName": "Solora AI",
    "ResourceId": None,
    "ServiceCategory": "AI and Machine Learning",
    "ServiceName": "Solora API",
    "ServiceSubcategory": "Generative AI",
    "SkuId": "solora-input",
    "SkuMeter": "Input Tokens",
    "SkuPriceDetails": '{"x_ModelId": "solora"}',
    "SkuPriceId": "solora-input-1",
    "SubAccountId": None,
    "SubAccountName": None,
    "SubAccountType": None,
    "Tags": '{"team": "search", "beta": true}',
}
RECOMMENDED_LEFT_OUT = {"AvailabilityZone.present", "InvoiceId.present"}
COMMITTED = {
    "CommitmentDiscountCategory": "Spend",
    "CommitmentDiscountId": "deal",
    "CommitmentDiscountQuantity": "42",
    "CommitmentDiscountStatus": "Used",
    "CommitmentDiscountType": "Commit",
    "CommitmentDiscountUnit": "USD",
    "PricingCategory": "Committed",
}


def found(changes: dict[str, Any], version: Any = "1.2") -> set[str]:
    return {one.rule for one in check(version, [{**SOUND, **changes}])} - RECOMMENDED_LEFT_OUT


@pytest.mark.parametrize(
    "changes",
    [
        {},
        COMMITTED,
        {**COMMITTED, "CommitmentDiscountStatus": "Unused", "ResourceId": "deal", "ConsumedQuantity": None,
         "ConsumedUnit": None},
        {"ChargeClass": "Correction", "ListUnitPrice": None, "ContractedUnitPrice": None, "PricingQuantity": None,
         "PricingUnit": None, "ConsumedQuantity": None, "ConsumedUnit": None, "SkuId": None, "SkuMeter": None,
         "SkuPriceId": None, "SkuPriceDetails": None, "PricingCategory": None, "BilledCost": "-3"},
        {"ListCost": "42.0000009"},
        {"BilledCost": "35.2E-7"},
        {"SkuPriceDetails": '{"GpuCount": 8, "x_Any": null}'},
    ],
)  # fmt: skip
def test_what_is_sound_is_not_found_fault_with(changes: dict[str, Any]) -> None:
    assert found(changes) == set()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"BilledCost": None}, "BilledCost.not_null"),
        ({"BilledCost": ""}, "BilledCost.null"),
        ({"SubAccountId": "NULL"}, "SubAccountId.null"),
        ({"BilledCost": "$42.00"}, "BilledCost.number"),
        ({"BilledCost": "1,042.00"}, "BilledCost.number"),
        ({"BilledCost": "+42"}, "BilledCost.number"),
        ({"BilledCost": "35.2E+7"}, "BilledCost.number"),
        ({"BilledCost": "1E999999"}, "BilledCost.number"),
        ({"BilledCost": "NaN"}, "BilledCost.number"),
        ({"ListUnitPrice": "-5", "ListCost": "-42"}, "ListUnitPrice.not_negative"),
        ({"ChargePeriodStart": "2026-10-01"}, "ChargePeriodStart.time"),
        ({"ChargePeriodStart": "2026-10-01T00:00:00+00:00"}, "ChargePeriodStart.time"),
        ({"ChargePeriodEnd": "2026-10-01T30:00:00Z"}, "ChargePeriodEnd.time"),
        ({"ChargePeriodEnd": "2026-10-01T00:00:00Z"}, "ChargePeriodEnd.after.ChargePeriodStart"),
        ({"BillingPeriodEnd": "2026-09-01T00:00:00Z"}, "BillingPeriodEnd.after.BillingPeriodStart"),
        ({"BillingCurrency": "Credits"}, "BillingCurrency.iso_4217"),
        ({"ChargeCategory": "usage"}, "ChargeCategory.allowed"),
        ({"ChargeClass": "Refund"}, "ChargeClass.allowed"),
        ({"ServiceSubcategory": "Containers"}, "ServiceSubcategory.of_category"),
        ({"Tags": "team=search"}, "Tags.key_value"),
        ({"Tags": '{"a": 1, "a": 2}'}, "Tags.key_value"),
        ({"Tags": '{"a": {"b": 1}}'}, "Tags.key_value"),
        ({"Tags": '{"a": NaN}'}, "Tags.key_value"),
        ({"Tags": "[" * 100_000}, "Tags.key_value"),
        ({"SkuPriceDetails": '{"ModelId": "solora"}'}, "SkuPriceDetails.keys"),
        ({"SkuPriceId": None}, "SkuPriceDetails.null_without.SkuPriceId"),
        ({"SkuId": None}, "SkuId.given_on_usage"),
        ({"ListUnitPrice": None}, "ListUnitPrice.given_on_usage"),
        ({"ChargeCategory": "Tax"}, "ListUnitPrice.null_on_tax"),
        ({"ListCost": "43"}, "ListCost.is_price_times_quantity"),
        ({"ContractedUnitPrice": "4"}, "ContractedCost.is_price_times_quantity"),
        ({"PricingUnit": None}, "PricingUnit.given_with.PricingQuantity"),
        ({"ConsumedUnit": None}, "ConsumedUnit.given_with.ConsumedQuantity"),
        ({"ConsumedUnit": "Token"}, "ConsumedUnit.unit"),
        ({"ConsumedQuantity": None, "ConsumedUnit": None}, "ConsumedQuantity.on_usage"),
        ({"ChargeCategory": "Purchase"}, "ChargeFrequency.of_purchase"),
        ({"ChargeCategory": "Purchase"}, "ConsumedQuantity.on_usage"),
        ({"ChargeCategory": "Credit", "EffectiveCost": "1"}, "EffectiveCost.of_credit"),
        ({"SubAccountName": "Search"}, "SubAccountName.null_without.SubAccountId"),
        ({"SubAccountId": "search"}, "SubAccountName.given_with.SubAccountId"),
        ({**COMMITTED, "PricingCategory": "Standard"}, "PricingCategory.committed"),
        ({**COMMITTED, "CommitmentDiscountStatus": None}, "CommitmentDiscountStatus.on_usage"),
        ({**COMMITTED, "CommitmentDiscountId": None}, "CommitmentDiscountCategory.null_without.CommitmentDiscountId"),
        ({**COMMITTED, "CommitmentDiscountQuantity": None}, "CommitmentDiscountQuantity.on_usage"),
        ({**COMMITTED, "CommitmentDiscountStatus": "Unused"}, "ResourceId.of_unused_commitment"),
        ({**COMMITTED, "CommitmentDiscountStatus": "Unused"}, "ConsumedQuantity.on_usage"),
    ],
)
def test_what_breaks_a_rule_is_named(changes: dict[str, Any], rule: str) -> None:
    assert rule in found(changes)


def columns_found(columns: list[str], version: Any = "1.2") -> set[tuple[str, str]]:
    row = dict.fromkeys(columns)
    return {(one.rule, one.column) for one in check(version, [row], columns) if one.row is None}


@pytest.mark.parametrize(
    ("columns", "rule", "column"),
    [
        ([*SOUND, "Cost Centre"], "columns.custom", "Cost Centre"),
        ([*SOUND, "x_cost_centre"], "columns.pascal_case", "x_cost_centre"),
        ([*SOUND, f"x_{'A' * 49}"], "columns.length", f"x_{'A' * 49}"),
        ([*SOUND, "HostProviderName"], "columns.version", "HostProviderName"),
        ([*SOUND, "RequesterDetails"], "columns.version", "RequesterDetails"),
        (["x_Own", *SOUND], "columns.custom_last", "x_Own"),
        (["SkuId", *(name for name in SOUND if name != "SkuId")], "columns.sorted", "BilledCost"),
        ([*SOUND, "BilledCost"], "columns.once", "BilledCost"),
        ([name.replace("SkuPriceId", "SkuPriceid") for name in SOUND], "columns.spelling", "SkuPriceid"),
        ([name for name in SOUND if name != "BilledCost"], "BilledCost.present", "BilledCost"),
    ],
)
def test_columns_are_looked_at_once(columns: list[str], rule: str, column: str) -> None:
    assert (rule, column) in columns_found(columns)


def test_a_party_is_named_as_its_version_names_it() -> None:
    assert {"ServiceProviderName.present", "HostProviderName.present", "columns.version"} <= found({}, "1.4")
    parties = {"HostProviderName": "Solora AI", "ServiceProviderName": "Solora AI"}
    row = {name: cell for name, cell in {**SOUND, **parties}.items() if name not in {"ProviderName", "PublisherName"}}
    assert {one.rule for one in check("1.4", [row]) if one.level == "must"} == set()


def test_findings_name_the_row_and_repeat_nothing_of_it() -> None:
    rows = [SOUND, {**SOUND, "BilledCost": "a secret"}]
    found = [one for one in check("1.2", rows) if one.row is not None]
    assert [(one.row, one.column, one.rule, one.level) for one in found] == [
        (2, "BilledCost", "BilledCost.number", "must")
    ]
    assert "secret" not in found[0].sentence


def test_how_many_columns_each_version_has() -> None:
    assert {version: len(columns_of(version)) for version in VERSIONS} == {
        "1.0": 43, "1.1": 50, "1.2": 57, "1.3": 65, "1.4": 65,
    }  # fmt: skip
    mandatory = [name for name, column in columns_of("1.4").items() if column.level_in("1.4") is Level.MANDATORY]
    assert len(mandatory) == 21


def test_every_allowed_subcategory_has_one_category() -> None:
    assert len(ALLOWED["ServiceSubcategory"]) == sum(len(names) for names in SUBCATEGORIES.values())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_is_told_by_its_columns(version: Any) -> None:
    assert recognise(tuple(columns_of(version))) == version


@pytest.mark.parametrize(
    ("columns", "version"),
    [
        (("a", "b", "c"), None),
        (tuple(SOUND), "1.2"),
        ((*SOUND, "HostProviderName", "InvoiceDetailId"), "1.4"),
        (("BilledCost", "BillingCurrency", "ChargeCategory", "EffectiveCost", "ServiceProviderName"), "1.4"),
        (("billedcost", "BILLINGCURRENCY", "ChargeCategory", "EffectiveCost", "ListCost", "Id"), "1.0"),
    ],
)
def test_a_version_is_told_from_some_columns(columns: tuple[str, ...], version: str | None) -> None:
    assert recognise(columns) == version


CELLS = st.none() | st.text(max_size=20) | st.sampled_from(["Usage", "Tax", "1", "NULL", "{}", "2026-10-01T00:00:00Z"])


@given(st.dictionaries(st.sampled_from(sorted(SOUND)) | st.text(max_size=8), CELLS, max_size=20))
def test_any_row_at_all_gets_an_answer(row: dict[str, str | None]) -> None:
    for version in VERSIONS:
        assert all(finding.sentence for finding in check(version, [row]))
