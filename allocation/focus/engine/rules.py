"""Rules between the columns of a row. A rule returns the sentence that tells what is wrong, or None. It applies only to
files with all of its columns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from allocation.focus.engine.cells import Cells
from allocation.focus.engine.columns import CUSTOM, Version
from allocation.focus.engine.formats import key_value, lenient_time
from allocation.focus.engine.values import CURRENCIES, SKU_PRICE_DETAILS, SUBCATEGORIES

# Costs are rounded per charge and unit prices have a last digit, so that a product is not exact.
RELATIVE, ABSOLUTE = Decimal("0.000001"), Decimal("0.000001")
PRICED = frozenset({"Usage", "Purchase"})


@dataclass(frozen=True, slots=True)
class Rule:
    """`needs` are the columns that the rule reads; a violation names the first of them."""

    id: str
    needs: tuple[str, ...]
    violation: Callable[[Cells], str | None]
    since: Version = "1.0"

    @property
    def column(self) -> str:
        """The column that a violation names."""
        return self.needs[0]


def null_when_null(column: str, required: str) -> Rule:
    """`column` must be null where `required` is null."""

    def violation(row: Cells) -> str | None:
        if row.text(required) is None and row.text(column) is not None:
            return f"{column} must be null where {required} is null."
        return None

    return Rule(f"{column}.null_without.{required}", (column, required), violation)


def goes_with(column: str, required: str) -> tuple[Rule, Rule]:
    """Both columns are null or neither is."""

    def violation(row: Cells) -> str | None:
        if row.text(required) is not None and row.text(column) is None:
            return f"{column} must not be null where {required} is not null."
        return None

    return null_when_null(column, required), Rule(f"{column}.given_with.{required}", (column, required), violation)


def priced(column: str) -> tuple[Rule, Rule]:
    """Null on a tax; given on usage and purchases that are not corrections."""

    def on_tax(row: Cells) -> str | None:
        return f"{column} must be null on a Tax." if row.category == "Tax" and row.text(column) is not None else None

    def missing(row: Cells) -> str | None:
        if row.category in PRICED and not row.is_correction and row.text(column) is None:
            return f"{column} must not be null on {row.category} that is not a Correction."
        return None

    needs = (column, "ChargeCategory", "ChargeClass")
    return Rule(f"{column}.null_on_tax", needs, on_tax), Rule(f"{column}.given_on_usage", needs, missing)


def product(cost: str, price: str) -> Rule:
    """`cost` is `price` × PricingQuantity, to a relative 10^-6."""

    def violation(row: Cells) -> str | None:
        stated_cost, unit_price, quantity = row.number(cost), row.number(price), row.number("PricingQuantity")
        if stated_cost is None or unit_price is None or quantity is None or row.is_correction:
            return None
        if abs(unit_price * quantity - stated_cost) <= max(ABSOLUTE, RELATIVE * abs(stated_cost)):
            return None
        return f"{cost} must be {price} x PricingQuantity."

    return Rule(f"{cost}.is_price_times_quantity", (cost, price, "PricingQuantity"), violation)


def ordered(start: str, end: str) -> Rule:
    """`end`, which is exclusive, is later than `start`."""

    def violation(row: Cells) -> str | None:
        first, last = row.text(start), row.text(end)
        since, until = (lenient_time(text) if text else None for text in (first, last))
        return f"{end} is exclusive and must be later than {start}." if since and until and until <= since else None

    return Rule(f"{end}.after.{start}", (end, start), violation)


def _status_on_usage(row: Cells) -> str | None:
    used = row.category == "Usage" and row.text("CommitmentDiscountId") is not None
    if used and row.text("CommitmentDiscountStatus") is None:
        return "CommitmentDiscountStatus must not be null on Usage under a commitment discount."
    return None


def _reservation_on_usage(row: Cells) -> str | None:
    used = row.category == "Usage" and row.text("CapacityReservationId") is not None
    if used and row.text("CapacityReservationStatus") is None:
        return "CapacityReservationStatus must not be null on Usage under a capacity reservation."
    return None


def _unused_names_itself(row: Cells) -> str | None:
    unused = row.text("CommitmentDiscountStatus") == "Unused"
    if unused and row.text("ResourceId") != row.text("CommitmentDiscountId"):
        return "ResourceId of an Unused row must be its CommitmentDiscountId."
    return None


def _committed(row: Cells) -> str | None:
    if row.text("CommitmentDiscountStatus") is not None and row.text("PricingCategory") != "Committed":
        return "PricingCategory must be Committed on a charge under a commitment discount."
    return None


def _discount_quantity(row: Cells) -> str | None:
    given = row.text("CommitmentDiscountQuantity") is not None
    expected = row.text("CommitmentDiscountId") is not None and row.category in PRICED
    if expected and not given and not row.is_correction:
        return "CommitmentDiscountQuantity must not be null on Usage or Purchase under a commitment discount."
    return None if expected or not given else "CommitmentDiscountQuantity must be null without a commitment discount."


def _consumed(row: Cells) -> str | None:
    given = row.text("ConsumedQuantity") is not None
    measured = row.category == "Usage" and row.text("CommitmentDiscountStatus") != "Unused"
    if given and not measured:
        return "ConsumedQuantity must be null on anything but Usage, and on the Unused part of a commitment."
    if measured and not given and not row.is_correction:
        return "ConsumedQuantity must not be null on Usage that is not a Correction."
    return None


def _frequency(row: Cells) -> str | None:
    if row.category == "Purchase" and row.text("ChargeFrequency") == "Usage-Based":
        return "ChargeFrequency must not be Usage-Based on a Purchase."
    return None


def _billing_currency(row: Cells) -> str | None:
    currency = row.text("BillingCurrency")
    if currency is not None and currency not in CURRENCIES:
        return "BillingCurrency must be a national currency of ISO 4217, such as USD."
    return None


def _subcategory(row: Cells) -> str | None:
    category, sub = row.text("ServiceCategory"), row.text("ServiceSubcategory")
    if category is not None and category in SUBCATEGORIES and sub is not None and sub not in SUBCATEGORIES[category]:
        return "ServiceSubcategory must be one of its ServiceCategory."
    return None


def _details_keys(row: Cells) -> str | None:
    text = row.text("SkuPriceDetails")
    details = {} if text is None else key_value(text)
    if isinstance(details, str):
        return None
    foreign = sorted(key for key in details if key not in SKU_PRICE_DETAILS and not key.startswith(CUSTOM))
    return f"A key of SkuPriceDetails that FOCUS does not define begins with {CUSTOM}." if foreign else None


def _credit(cost: str) -> Rule:
    def violation(row: Cells) -> str | None:
        if row.category == "Credit" and row.number(cost) != row.number("BilledCost"):
            return f"{cost} of a Credit must be its BilledCost."
        return None

    return Rule(f"{cost}.of_credit", (cost, "BilledCost", "ChargeCategory"), violation)


RULES: tuple[Rule, ...] = (
    ordered("BillingPeriodStart", "BillingPeriodEnd"),
    ordered("ChargePeriodStart", "ChargePeriodEnd"),
    Rule("BillingCurrency.iso_4217", ("BillingCurrency",), _billing_currency),
    *goes_with("BillingAccountType", "BillingAccountId"),
    null_when_null("CapacityReservationStatus", "CapacityReservationId"),
    Rule(
        "CapacityReservationStatus.on_usage",
        ("CapacityReservationStatus", "CapacityReservationId", "ChargeCategory"),
        _reservation_on_usage,
    ),
    Rule("ChargeFrequency.of_purchase", ("ChargeFrequency", "ChargeCategory"), _frequency),
    *goes_with("CommitmentDiscountCategory", "CommitmentDiscountId"),
    null_when_null("CommitmentDiscountName", "CommitmentDiscountId"),
    *goes_with("CommitmentDiscountType", "CommitmentDiscountId"),
    null_when_null("CommitmentDiscountStatus", "CommitmentDiscountId"),
    Rule(
        "CommitmentDiscountStatus.on_usage",
        ("CommitmentDiscountStatus", "CommitmentDiscountId", "ChargeCategory"),
        _status_on_usage,
    ),
    Rule(
        "CommitmentDiscountQuantity.on_usage",
        ("CommitmentDiscountQuantity", "CommitmentDiscountId", "ChargeCategory", "ChargeClass"),
        _discount_quantity,
    ),
    *goes_with("CommitmentDiscountUnit", "CommitmentDiscountQuantity"),
    Rule(
        "ResourceId.of_unused_commitment",
        ("ResourceId", "CommitmentDiscountId", "CommitmentDiscountStatus"),
        _unused_names_itself,
    ),
    Rule("PricingCategory.committed", ("PricingCategory", "CommitmentDiscountStatus"), _committed),
    Rule("ConsumedQuantity.on_usage", ("ConsumedQuantity", "ChargeCategory", "ChargeClass"), _consumed),
    *goes_with("ConsumedUnit", "ConsumedQuantity"),
    *priced("PricingCategory"),
    *priced("PricingQuantity"),
    *goes_with("PricingUnit", "PricingQuantity"),
    *priced("ListUnitPrice"),
    *priced("ContractedUnitPrice"),
    *priced("PricingCurrencyListUnitPrice"),
    *priced("PricingCurrencyContractedUnitPrice"),
    *priced("SkuId"),
    *priced("SkuPriceId"),
    null_when_null("SkuMeter", "SkuId"),
    null_when_null("SkuPriceDetails", "SkuPriceId"),
    Rule("SkuPriceDetails.keys", ("SkuPriceDetails",), _details_keys),
    product("ListCost", "ListUnitPrice"),
    product("ContractedCost", "ContractedUnitPrice"),
    _credit("ListCost"),
    _credit("ContractedCost"),
    _credit("EffectiveCost"),
    *goes_with("RegionName", "RegionId"),
    null_when_null("ResourceName", "ResourceId"),
    *goes_with("ResourceType", "ResourceId"),
    *goes_with("SubAccountName", "SubAccountId"),
    *goes_with("SubAccountType", "SubAccountId"),
    Rule("ServiceSubcategory.of_category", ("ServiceSubcategory", "ServiceCategory"), _subcategory),
    *goes_with("AllocatedMethodId", "AllocatedResourceId"),
    null_when_null("AllocatedMethodDetails", "AllocatedMethodId"),
    null_when_null("AllocatedResourceName", "AllocatedResourceId"),
    null_when_null("AllocatedTags", "AllocatedResourceId"),
)
