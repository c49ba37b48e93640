from policies.evaluation.operations.evaluation import (
    evaluate_next_dirty_scopes,
    mark_due_scopes,
    sweep,
)
from policies.evaluation.operations.watch import (
    watch_evaluation,
)

__all__ = [
    "evaluate_next_dirty_scopes",
    "mark_due_scopes",
    "sweep",
    "watch_evaluation",
]
