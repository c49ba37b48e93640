from policies.operations.alerts import AlertAlreadyAcknowledged, AlertResolved, acknowledge_alert
from policies.operations.constraints import ConstraintNotActive, release_constraint
from policies.operations.evaluation import evaluate_next_dirty_scopes, mark_due_scopes, sweep
from policies.operations.guardrails import (
    GuardrailTestsFail,
    apply_guardrail_policy,
    check,
    plan_guardrail_policy,
    retire_guardrail,
)
from policies.operations.watch import watch_evaluation

__all__ = [
    "AlertAlreadyAcknowledged",
    "AlertResolved",
    "ConstraintNotActive",
    "GuardrailTestsFail",
    "acknowledge_alert",
    "apply_guardrail_policy",
    "check",
    "evaluate_next_dirty_scopes",
    "mark_due_scopes",
    "plan_guardrail_policy",
    "release_constraint",
    "retire_guardrail",
    "sweep",
    "watch_evaluation",
]
