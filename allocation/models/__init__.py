from allocation.models.imports import ImportRun, ImportStatus
from allocation.models.prices import AttributionRule, AttributionRuleSet, Meter, Price, PriceBook
from allocation.models.usage import (
    PRICED_BY_NONE,
    IngestWatermark,
    QuarantinedUsage,
    RollUp,
    ServiceTier,
    Status,
    UsageDay,
    UsageHour,
    UsageMinute,
    UsageRecord,
)

__all__ = [
    "PRICED_BY_NONE",
    "AttributionRule",
    "AttributionRuleSet",
    "ImportRun",
    "ImportStatus",
    "IngestWatermark",
    "Meter",
    "Price",
    "PriceBook",
    "QuarantinedUsage",
    "RollUp",
    "ServiceTier",
    "Status",
    "UsageDay",
    "UsageHour",
    "UsageMinute",
    "UsageRecord",
]
