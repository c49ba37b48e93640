from django.urls import path, re_path

from policies.alerts.api import AcknowledgeAlert, AlertDetail, Alerts
from policies.constraints.api import ConstraintDetail, Constraints, ReleaseConstraint
from policies.decisions.api.decisions import DecisionCheck, DecisionCheckBelow, Decisions
from policies.guardrails.api import GuardrailDetail, Guardrails, GuardrailVersions

urlpatterns = [
    path("decisions", Decisions.as_view(), name="decisions"),
    path("decisions/check", DecisionCheck.as_view(), name="decision-check"),
    re_path(r"^decisions/check/(?P<below>.*)$", DecisionCheckBelow.as_view(), name="decision-check-below"),
    path("alerts", Alerts.as_view(), name="alerts"),
    path("alerts/<int:pk>", AlertDetail.as_view(), name="alert"),
    path("alerts/<int:alert_id>/acknowledge", AcknowledgeAlert.as_view(), name="alert-acknowledge"),
    path("constraints", Constraints.as_view(), name="constraints"),
    path("constraints/<int:pk>", ConstraintDetail.as_view(), name="constraint"),
    path("constraints/<int:constraint_id>/release", ReleaseConstraint.as_view(), name="constraint-release"),
    path("guardrails", Guardrails.as_view(), name="guardrails"),
    path("guardrails/<str:name>", GuardrailDetail.as_view(), name="guardrail"),
    path("guardrails/<str:name>/versions", GuardrailVersions.as_view(), name="guardrail-versions"),
]
