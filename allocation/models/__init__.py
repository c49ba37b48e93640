from allocation.models.adjustments import Adjustment, AdjustmentKind, AdjustmentRun
from allocation.models.anomalies import Anomaly, AnomalyQuerySet, Feedback, Metric
from allocation.models.attribution import AttributionKey, AttributionRule, AttributionRuleSet
from allocation.models.charges import CHARGE_TABLE, ChargeClass, UsageCharge
from allocation.models.commitments import Commitment, CommitmentKind, CommitmentUnit
from allocation.models.economics import ScopeEconomics
from allocation.models.exchange import ExchangeRate
from allocation.models.focus import FocusFormat, FocusImport, FocusRow, FocusRowStatus
from allocation.models.imports import ImportRun, ImportStatus
from allocation.models.metrics import AllocationMetric
from allocation.models.outcomes import OUTCOME_DAY_TABLE, OUTCOME_TABLE, Outcome, OutcomeDay, OutcomeKind
from allocation.models.periods import BillingPeriod
from allocation.models.prices import Basis, Meter, Price, PriceBook
from allocation.models.runs import AllocatedCharge, AllocationRun, RunStatus, SharedPool
from allocation.models.splits import SharedCostSplit
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
    "AllocatedCharge",
    "AllocationMetric",
    "AllocationRun",
    "Anomaly",
    "AnomalyQuerySet",
    "AttributionKey",
    "AttributionRule",
    "AttributionRuleSet",
    "Basis",
    "BillingPeriod",
    "ChargeClass",
    "Commitment",
    "CommitmentKind",
    "CommitmentUnit",
    "ExchangeRate",
    "Feedback",
    "FocusFormat",
    "FocusImport",
    "FocusRow",
    "FocusRowStatus",
    "ImportRun",
    "ImportStatus",
    "IngestWatermark",
    "Meter",
    "Metric",
    "Outcome",
    "OutcomeDay",
    "OutcomeKind",
    "Price",
    "PriceBook",
    "QuarantinedUsage",
    "RollUp",
    "RunStatus",
    "ScopeEconomics",
    "ServiceTier",
    "SharedCostSplit",
    "SharedPool",
    "Status",
    "Task",
    "TaskDay",
    "UsageCharge",
    "UsageDay",
    "UsageHour",
    "UsageMinute",
    "UsageRecord",
]
