from allocation.corrections.queries.adjustments import (
    Standing,
    cost_as_known,
    identity_of,
    in_batches,
    standing_of,
)

__all__ = [
    "Standing",
    "cost_as_known",
    "identity_of",
    "in_batches",
    "standing_of",
]
