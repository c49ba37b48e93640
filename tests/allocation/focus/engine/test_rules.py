from typing import Any

import pytest

from allocation.focus.engine.check import check
from tests.allocation.focus.engine.checked import COMMITTED, SOUND, found


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


def test_a_party_is_named_as_its_version_names_it() -> None:
    assert {"ServiceProviderName.present", "HostProviderName.present", "columns.version"} <= found({}, "1.4")
    parties = {"HostProviderName": "Solora AI", "ServiceProviderName": "Solora AI"}
    row = {name: cell for name, cell in {**SOUND, **parties}.items() if name not in {"ProviderName", "PublisherName"}}
    assert {one.rule for one in check("1.4", [row]) if one.level == "must"} == set()
