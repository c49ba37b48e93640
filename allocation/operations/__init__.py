from allocation.operations.anomalies import Detected, detect_anomalies, give_feedback
from allocation.operations.attribution import Moved, Preview, organisation_seen, preview_attribution
from allocation.operations.declared import (
    apply_attribution_rules,
    plan_attribution_rules,
)
from allocation.operations.exchange import apply_exchange_rates, import_exchange_rates, plan_exchange_rates
from allocation.operations.ingest import BatchTooLarge, IngestResult, Rejection, record_usage
from allocation.operations.metrics import MetricsResult, record_metrics
from allocation.operations.outcomes import record_outcomes
from allocation.operations.partitions import drop_expired_partitions, ensure_partitions, maintain_partitions
from allocation.operations.periods import PeriodClosed, PeriodNotOver, close_period, month_named
from allocation.operations.pricebooks import (
    BookTerms,
    ImportedPrices,
    apply_price_book,
    import_prices,
    plan_price_book,
)
from allocation.operations.reattribution import Reattribution, reattribute_usage
from allocation.operations.replay import ReplayResult, replay_early_outcomes, replay_quarantined
from allocation.operations.rerate import Rerating, rerate_usage
from allocation.operations.sharing import RunResult, planned_allocation, run_allocation, run_open_months
from allocation.operations.splits import apply_commitment, apply_shared_cost_split

__all__ = [
    "BatchTooLarge",
    "BookTerms",
    "Detected",
    "ImportedPrices",
    "IngestResult",
    "MetricsResult",
    "Moved",
    "PeriodClosed",
    "PeriodNotOver",
    "Preview",
    "Reattribution",
    "Rejection",
    "ReplayResult",
    "Rerating",
    "RunResult",
    "apply_attribution_rules",
    "apply_commitment",
    "apply_exchange_rates",
    "apply_price_book",
    "apply_shared_cost_split",
    "close_period",
    "detect_anomalies",
    "drop_expired_partitions",
    "ensure_partitions",
    "give_feedback",
    "import_exchange_rates",
    "import_prices",
    "maintain_partitions",
    "month_named",
    "organisation_seen",
    "plan_attribution_rules",
    "plan_exchange_rates",
    "plan_price_book",
    "planned_allocation",
    "preview_attribution",
    "reattribute_usage",
    "record_metrics",
    "record_outcomes",
    "record_usage",
    "replay_early_outcomes",
    "replay_quarantined",
    "rerate_usage",
    "run_allocation",
    "run_open_months",
]
