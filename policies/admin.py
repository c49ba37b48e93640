"""Django finds this app's pages here; each concept holds its own."""

from policies.alerts import admin as alerts
from policies.constraints import admin as constraints
from policies.evaluation import admin as evaluation
from policies.guardrails import admin as guardrails

__all__ = ["alerts", "constraints", "evaluation", "guardrails"]
