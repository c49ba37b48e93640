from policies.models.alerts import Alert, AlertEvent
from policies.models.constraints import Constraint
from policies.models.guardrails import GuardrailState, GuardrailVersion
from policies.models.runs import DataGap, EvaluationRun

__all__ = ["Alert", "AlertEvent", "Constraint", "DataGap", "EvaluationRun", "GuardrailState", "GuardrailVersion"]
