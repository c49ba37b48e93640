"""Usage records, roll-ups, charge lines, tasks and imports as tables, as other packages import them."""

from allocation.usage.models.charges import (
    CALL_MONTH_TABLE,
    CHARGE_MONTH_TABLE,
    CHARGE_TABLE,
    SUMMED_MONTH_TABLE,
    ChargeClass,
    SummedMonth,
    UsageCallMonth,
    UsageCharge,
    UsageChargeMonth,
)
from allocation.usage.models.identities import (
    IDENTITY_TABLE,
    UsageIdentity,
)
from allocation.usage.models.imports import (
    ImportedRecord,
    ImportedRefusal,
    ImportRun,
    ImportStatus,
)
from allocation.usage.models.journal import (
    JOURNAL_TABLE,
    UsageJournal,
)
from allocation.usage.models.records import (
    PRICED_BY_NONE,
    RECORD_TABLE,
    UNMEASURED,
    Activity,
    DroppedMonth,
    Status,
    UsageRecord,
    UsageRecordQuerySet,
)
from allocation.usage.models.roll_ups import (
    DAY_TABLE,
    FINE_TABLES,
    HOUR_TABLE,
    MINUTE_TABLE,
    SCOPE_DAY_TABLE,
    IngestWatermark,
    RollUp,
    UsageDay,
    UsageHour,
    UsageMinute,
    UsageScopeDay,
)
from allocation.usage.models.spans import (
    SPAN_TABLE,
    TracedSpan,
)
from allocation.usage.models.tasks import (
    TASK_DAY_TABLE,
    TASK_TABLE,
    Task,
    TaskDay,
)
from allocation.usage.models.uncounted import (
    UncountedTelemetry,
)

__all__ = [
    "CALL_MONTH_TABLE",
    "CHARGE_MONTH_TABLE",
    "CHARGE_TABLE",
    "DAY_TABLE",
    "FINE_TABLES",
    "HOUR_TABLE",
    "IDENTITY_TABLE",
    "JOURNAL_TABLE",
    "MINUTE_TABLE",
    "PRICED_BY_NONE",
    "RECORD_TABLE",
    "SCOPE_DAY_TABLE",
    "SPAN_TABLE",
    "SUMMED_MONTH_TABLE",
    "TASK_DAY_TABLE",
    "TASK_TABLE",
    "UNMEASURED",
    "Activity",
    "ChargeClass",
    "DroppedMonth",
    "ImportRun",
    "ImportStatus",
    "ImportedRecord",
    "ImportedRefusal",
    "IngestWatermark",
    "RollUp",
    "Status",
    "SummedMonth",
    "Task",
    "TaskDay",
    "TracedSpan",
    "UncountedTelemetry",
    "UsageCallMonth",
    "UsageCharge",
    "UsageChargeMonth",
    "UsageDay",
    "UsageHour",
    "UsageIdentity",
    "UsageJournal",
    "UsageMinute",
    "UsageRecord",
    "UsageRecordQuerySet",
    "UsageScopeDay",
]
