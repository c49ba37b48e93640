from policies.evaluation.queries.assessment import (
    Assessment,
    ScopeAssessment,
    assess,
    kept,
)
from policies.evaluation.queries.explanation import (
    explain,
)
from policies.evaluation.queries.liveness import (
    EVALUATION_HEARTBEAT,
    EvaluationLag,
    evaluation_lag,
)
from policies.evaluation.queries.periods import (
    Period,
    calendar_month,
)

__all__ = [
    "EVALUATION_HEARTBEAT",
    "Assessment",
    "EvaluationLag",
    "Period",
    "ScopeAssessment",
    "assess",
    "calendar_month",
    "evaluation_lag",
    "explain",
    "kept",
]
