from allocation.models.adjustments import Adjustment, AdjustmentKind, AdjustmentRun
from allocation.models.anomalies import Anomaly, AnomalyQuerySet, Feedback, Metric
from allocation.models.charges import CHARGE_TABLE, ChargeClass, UsageCharge
from allocation.models.imports import ImportRun, ImportStatus
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
    "PRICED_BY_NONE",
    "RECORD_TABLE",
    "TASK_DAY_TABLE",
    "TASK_TABLE",
    "Activity",
    "Adjustment",
    "AdjustmentKind",
    "AdjustmentRun",
    "Anomaly",
    "AnomalyQuerySet",
    "AttributionRule",
    "AttributionRuleSet",
    "BillingPeriod",
    "ChargeClass",
    "Feedback",
    "ImportRun",
    "ImportStatus",
    "IngestWatermark",
    "Meter",
    "Metric",
    "Price",
    "PriceBook",
    "QuarantinedUsage",
    "RollUp",
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
