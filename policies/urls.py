from django.urls import path

from policies.alerts.api import AcknowledgeAlert, Alerts
from policies.constraints.api import Constraints, ReleaseConstraint
from policies.decisions.api.decisions import Decisions
from policies.guardrails.api import Guardrails, GuardrailVersions

urlpatterns = [
    path("decisions", Decisions.as_view(), name="decisions"),
    path("alerts", Alerts.as_view({"get": "list"}), name="alerts"),
    path("alerts/<int:pk>", Alerts.as_view({"get": "retrieve"}), name="alert"),
    path("alerts/<int:alert_id>/acknowledge", AcknowledgeAlert.as_view(), name="alert-acknowledge"),
    path("constraints", Constraints.as_view({"get": "list"}), name="constraints"),
    path("constraints/<int:pk>", Constraints.as_view({"get": "retrieve"}), name="constraint"),
    path("constraints/<int:constraint_id>/release", ReleaseConstraint.as_view(), name="constraint-release"),
    path("guardrails", Guardrails.as_view({"get": "list"}), name="guardrails"),
    path("guardrails/<str:name>", Guardrails.as_view({"get": "retrieve"}), name="guardrail"),
    path("guardrails/<str:name>/versions", GuardrailVersions.as_view({"get": "list"}), name="guardrail-versions"),
]
