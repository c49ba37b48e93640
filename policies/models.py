"""Django finds this app's tables here; each concept holds its own."""

from policies.alerts import models as alerts
from policies.constraints import models as constraints
from policies.evaluation import models as evaluation
from policies.guardrails import models as guardrails

__all__ = ["alerts", "constraints", "evaluation", "guardrails"]
