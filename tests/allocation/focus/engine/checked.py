from typing import Any

from allocation.focus.engine.check import check

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
