from allocation.operations.attribution import Moved, Preview, organisation_seen, preview_attribution
from allocation.operations.declared import (
    apply_attribution_rules,
    apply_price_book,
    plan_attribution_rules,
    plan_price_book,
)
from allocation.operations.ingest import BatchTooLarge, IngestResult, Rejection, record_usage
from allocation.operations.partitions import drop_expired_partitions, ensure_partitions, maintain_partitions
from allocation.operations.periods import PeriodClosed, PeriodNotOver, close_period, month_named
from allocation.operations.reattribution import Reattribution, reattribute_usage
from allocation.operations.replay import ReplayResult, replay_quarantined
from allocation.operations.rerate import Rerating, rerate_usage

__all__ = [
    "BatchTooLarge",
    "IngestResult",
    "Moved",
    "PeriodClosed",
    "PeriodNotOver",
    "Preview",
    "Reattribution",
    "Rejection",
    "ReplayResult",
    "Rerating",
    "apply_attribution_rules",
    "apply_price_book",
    "close_period",
    "drop_expired_partitions",
    "ensure_partitions",
    "maintain_partitions",
    "month_named",
    "organisation_seen",
    "plan_attribution_rules",
    "plan_price_book",
    "preview_attribution",
    "reattribute_usage",
    "record_usage",
    "replay_quarantined",
    "rerate_usage",
]
