from allocation.corrections.operations.reattribution import (
    Reattribution,
    reattribute_usage,
)
from allocation.corrections.operations.rerating import (
    event_of,
    rerate_usage,
)

__all__ = [
    "Reattribution",
    "event_of",
    "reattribute_usage",
    "rerate_usage",
]
