from policies.evaluation.queries.ahead import Ahead
from policies.evaluation.queries.assessment import (
    Assessment,
    ScopeAssessment,
    assess,
    state_to_store,
)
from policies.evaluation.queries.explanation import (
    explain,
)
from policies.evaluation.queries.liveness import (
    EVALUATION_HEARTBEAT,
    EvaluationLag,
    evaluation_lag,
    set_back_by,
)
from policies.evaluation.queries.matching import guardrails_by_scope, guardrails_on
from policies.evaluation.queries.periods import (
    EvaluationPeriod,
    calendar_month,
)

__all__ = [
    "EVALUATION_HEARTBEAT",
    "Ahead",
    "Assessment",
    "EvaluationLag",
    "EvaluationPeriod",
    "ScopeAssessment",
    "assess",
    "calendar_month",
    "evaluation_lag",
    "explain",
    "guardrails_by_scope",
    "guardrails_on",
    "set_back_by",
    "state_to_store",
]
