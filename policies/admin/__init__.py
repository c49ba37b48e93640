"""Guardrails, alerts, constraints and evaluations to look at, what they cost beside the scopes, and the overview."""

from policies.admin import guardrails, incidents, scopes
from policies.admin.overview import with_dashboard

__all__ = ["guardrails", "incidents", "scopes", "with_dashboard"]
