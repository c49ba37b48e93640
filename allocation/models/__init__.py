from allocation.models.adjustments import Adjustment, AdjustmentKind, AdjustmentRun
from allocation.models.charges import CHARGE_TABLE, ChargeClass, UsageCharge
from allocation.models.economics import ScopeEconomics
from allocation.models.imports import ImportRun, ImportStatus
from allocation.models.outcomes import OUTCOME_DAY_TABLE, OUTCOME_TABLE, Outcome, OutcomeDay, OutcomeKind
from allocation.models.periods import BillingPeriod
from allocation.models.prices import AttributionRule, AttributionRuleSet, Meter, Price, PriceBook
from allocation.models.tasks import TASK_DAY_TABLE, TASK_TABLE, Task, TaskDay
from allocation.models.usage import (
    DAY_TABLE,
    HOUR_TABLE,
    MINUTE_TABLE,
    PRICED_BY_NONE,
    RECORD_TABLE,
    Activity,
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
    "CHARGE_TABLE",
    "DAY_TABLE",
    "HOUR_TABLE",
    "MINUTE_TABLE",
    "OUTCOME_DAY_TABLE",
    "OUTCOME_TABLE",
    "PRICED_BY_NONE",
    "RECORD_TABLE",
    "TASK_DAY_TABLE",
    "TASK_TABLE",
    "Activity",
    "Adjustment",
    "AdjustmentKind",
    "AdjustmentRun",
    "AttributionRule",
    "AttributionRuleSet",
    "BillingPeriod",
    "ChargeClass",
    "ImportRun",
    "ImportStatus",
    "IngestWatermark",
    "Meter",
    "Outcome",
    "OutcomeDay",
    "OutcomeKind",
    "Price",
    "PriceBook",
    "QuarantinedUsage",
    "RollUp",
    "ScopeEconomics",
    "ServiceTier",
    "Status",
    "Task",
    "TaskDay",
    "UsageCharge",
    "UsageDay",
    "UsageHour",
    "UsageMinute",
    "UsageRecord",
]
