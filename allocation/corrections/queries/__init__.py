from allocation.corrections.queries.adjustments import (
    CorrectedRecord,
    corrected_records,
    cost_as_known,
    identity_of,
    in_batches,
)

__all__ = [
    "CorrectedRecord",
    "corrected_records",
    "cost_as_known",
    "identity_of",
    "in_batches",
]
