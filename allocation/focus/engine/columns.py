"""The columns of FOCUS Cost and Usage by version: type, level, and whether a null is allowed.

1.0 to 1.2 follow the text of the specification. 1.3 and 1.4 follow the published list of columns, without the text of
all their rules: unknown rules are left out rather than guessed (docs/adr/0016-focus-rules-are-our-own.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Literal

Version = Literal["1.0", "1.1", "1.2", "1.3", "1.4"]
VERSIONS: tuple[Version, ...] = ("1.0", "1.1", "1.2", "1.3", "1.4")
CUSTOM = "x_"


class Kind(StrEnum):
    """The type of a column's cells."""

    TEXT = "String"
    NUMBER = "Decimal"
    TIME = "Date/Time"
    # One object whose values are neither objects nor arrays.
    KEY_VALUE = "JSON, key-value"
    JSON = "JSON"


class Level(StrEnum):
    """Whether a file must have the column."""

    MANDATORY = "mandatory"
    CONDITIONAL = "conditional"
    RECOMMENDED = "recommended"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of FOCUS. `until` is the last version that has it. `levels` are the versions whose level differs from
    `level`.
    """

    name: str
    kind: Kind
    level: Level
    nullable: bool
    since: Version = "1.0"
    until: Version = "1.4"
    levels: tuple[tuple[Version, Level], ...] = ()
    not_negative: bool = False

    def level_in(self, version: Version) -> Level:
        """The column's level in the version."""
        return dict(self.levels).get(version, self.level)

    def is_in(self, version: Version) -> bool:
        """Whether the version has the column."""
        return VERSIONS.index(self.since) <= VERSIONS.index(version) <= VERSIONS.index(self.until)


S, D, T, KV, J = Kind.TEXT, Kind.NUMBER, Kind.TIME, Kind.KEY_VALUE, Kind.JSON
M, C, R = Level.MANDATORY, Level.CONDITIONAL, Level.RECOMMENDED
MUST, MAY = False, True

TABLE: tuple[Column, ...] = (
    Column("AllocatedMethodDetails", J, R, MAY, since="1.3"),
    Column("AllocatedMethodId", S, C, MAY, since="1.3"),
    Column("AllocatedResourceId", S, C, MAY, since="1.3"),
    Column("AllocatedResourceName", S, C, MAY, since="1.3"),
    Column("AllocatedTags", KV, C, MAY, since="1.3"),
    Column("AvailabilityZone", S, R, MAY),
    Column("BilledCost", D, M, MUST),
    Column("BillingAccountId", S, M, MUST),
    Column("BillingAccountName", S, M, MAY),
    Column("BillingAccountType", S, C, MAY, since="1.2"),
    Column("BillingCurrency", S, M, MUST),
    Column("BillingPeriodEnd", T, M, MUST),
    Column("BillingPeriodStart", T, M, MUST),
    Column("CapacityReservationId", S, C, MAY, since="1.1"),
    Column("CapacityReservationStatus", S, C, MAY, since="1.1"),
    Column("ChargeCategory", S, M, MUST),
    Column("ChargeClass", S, M, MAY),
    Column("ChargeDescription", S, M, MAY),
    Column("ChargeFrequency", S, R, MUST),
    Column("ChargePeriodEnd", T, M, MUST),
    Column("ChargePeriodStart", T, M, MUST),
    Column("CommitmentDiscountCategory", S, C, MAY),
    Column("CommitmentDiscountId", S, C, MAY),
    Column("CommitmentDiscountName", S, C, MAY),
    Column("CommitmentDiscountQuantity", D, C, MAY, since="1.1"),
    Column("CommitmentDiscountStatus", S, C, MAY),
    Column("CommitmentDiscountType", S, C, MAY),
    Column("CommitmentDiscountUnit", S, C, MAY, since="1.1"),
    Column("CommitmentProgramEligibilityDetails", J, C, MAY, since="1.4"),
    Column("ConsumedQuantity", D, C, MAY),
    Column("ConsumedUnit", S, C, MAY),
    Column("ContractApplied", J, C, MAY, since="1.3"),
    Column("ContractedCost", D, M, MUST),
    Column("ContractedUnitPrice", D, C, MAY, not_negative=True),
    Column("EffectiveCost", D, M, MUST),
    Column("HostProviderName", S, M, MUST, since="1.3"),
    Column("InvoiceDetailId", S, C, MAY, since="1.4"),
    Column("InvoiceId", S, C, MAY, since="1.2", levels=(("1.2", R),)),
    Column("InvoiceIssuerName", S, M, MUST),
    Column("ListCost", D, M, MUST),
    Column("ListUnitPrice", D, C, MAY, not_negative=True),
    Column("PricingCategory", S, C, MAY),
    Column("PricingCurrency", S, C, MUST, since="1.2"),
    Column("PricingCurrencyContractedUnitPrice", D, C, MAY, since="1.2", not_negative=True),
    Column("PricingCurrencyEffectiveCost", D, C, MUST, since="1.2"),
    Column("PricingCurrencyListUnitPrice", D, C, MAY, since="1.2", not_negative=True),
    Column("PricingQuantity", D, M, MAY),
    Column("PricingUnit", S, M, MAY),
    # Deprecated in 1.3, which has names for all three parties, and removed in 1.4.
    Column("ProviderName", S, M, MUST, until="1.3", levels=(("1.3", R),)),
    Column("PublisherName", S, M, MUST, until="1.3", levels=(("1.3", R),)),
    Column("RegionId", S, C, MAY),
    Column("RegionName", S, C, MAY),
    Column("ResourceId", S, C, MAY),
    Column("ResourceName", S, C, MAY),
    Column("ResourceType", S, C, MAY),
    Column("ServiceCategory", S, M, MUST),
    Column("ServiceName", S, M, MUST),
    Column("ServiceProviderName", S, M, MUST, since="1.3"),
    Column("ServiceSubcategory", S, R, MUST, since="1.1"),
    Column("SkuId", S, C, MAY),
    Column("SkuMeter", S, C, MAY, since="1.1"),
    Column("SkuPriceDetails", KV, C, MAY, since="1.1"),
    Column("SkuPriceId", S, C, MAY),
    Column("SubAccountId", S, C, MAY),
    Column("SubAccountName", S, C, MAY),
    Column("SubAccountType", S, C, MAY, since="1.2"),
    Column("Tags", KV, C, MAY),
)
BY_NAME: Mapping[str, Column] = {column.name: column for column in TABLE}
# From the draft of 1.5: used in files, but in none of these versions.
DRAFT = frozenset({"ConsumerId", "CredentialDetails", "CredentialId", "PrincipalId", "RequesterDetails", "TagDetails"})
_BY_FOLDED: Mapping[str, str] = {name.lower(): name for name in (*BY_NAME, *DRAFT)}


@lru_cache
def columns_of(version: Version) -> Mapping[str, Column]:
    """The version's columns in alphabetical order, in which files are written."""
    return {column.name: column for column in TABLE if column.is_in(version)}


def known_name(header: str) -> str | None:
    """The column that a header means, whatever its case; None for a column that FOCUS does not have."""
    return _BY_FOLDED.get(header.strip().lower())


def recognise(headers: tuple[str, ...]) -> Version | None:
    """The oldest version that has all of these columns; None when too few of them are FOCUS's."""
    names = {name for header in headers if (name := known_name(header)) in BY_NAME}
    if len(names) < RECOGNISED_BY:
        return None
    known = [BY_NAME[name] for name in sorted(n for n in names if n is not None)]
    fitting = [version for version in VERSIONS if all(column.is_in(version) for column in known)]
    if "1.3" in fitting and "ServiceProviderName" in names and "ProviderName" not in names:
        # A file of 1.3 would have the old names beside the new ones.
        return "1.4"
    if fitting:
        return fitting[0]
    # No version has them all: the newest that any of them needs.
    return max((column.since for column in known), key=VERSIONS.index)


RECOGNISED_BY = 5
