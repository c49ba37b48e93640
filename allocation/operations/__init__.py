from allocation.operations.declared import apply_attribution_rules, plan_attribution_rules
from allocation.operations.exchange import apply_exchange_rates, import_exchange_rates, plan_exchange_rates
from allocation.operations.ingest import BatchTooLarge, IngestResult, Rejection, record_usage
from allocation.operations.partitions import drop_expired_partitions, ensure_partitions, maintain_partitions
from allocation.operations.periods import PeriodClosed, PeriodNotOver, close_period, month_named
from allocation.operations.pricebooks import (
    BookTerms,
    ImportedPrices,
    apply_price_book,
    import_prices,
    plan_price_book,
)
from allocation.operations.replay import ReplayResult, replay_quarantined
from allocation.operations.rerate import Rerating, rerate_usage

__all__ = [
    "BatchTooLarge",
    "BookTerms",
    "ImportedPrices",
    "IngestResult",
    "PeriodClosed",
    "PeriodNotOver",
    "Rejection",
    "ReplayResult",
    "Rerating",
    "apply_attribution_rules",
    "apply_exchange_rates",
    "apply_price_book",
    "close_period",
    "drop_expired_partitions",
    "ensure_partitions",
    "import_exchange_rates",
    "import_prices",
    "maintain_partitions",
    "month_named",
    "plan_attribution_rules",
    "plan_exchange_rates",
    "plan_price_book",
    "record_usage",
    "replay_quarantined",
    "rerate_usage",
]
