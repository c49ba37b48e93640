from django.urls import path

from allocation.api.anomalies import Anomalies, AnomalyFeedback, AnomalyKpis
from allocation.api.corrections import AdjustmentRuns, Adjustments, BillingPeriods, Charges
from allocation.api.movement import ScopeMoved, ScopesMoved
from allocation.api.otlp import Traces
from allocation.api.views import LiteLLMUsage, Quarantine, Usage, UsageSummary

urlpatterns = [
    path("usage", Usage.as_view(), name="usage"),
    path("usage/litellm", LiteLLMUsage.as_view(), name="usage-litellm"),
    path("otlp/v1/traces", Traces.as_view(), name="otlp-traces"),
    path("usage/summary", UsageSummary.as_view(), name="usage-summary"),
    path("movement", ScopeMoved.as_view(), name="movement"),
    path("movement/scopes", ScopesMoved.as_view(), name="movement-scopes"),
    path("anomalies", Anomalies.as_view(), name="anomalies"),
    path("anomalies/kpis", AnomalyKpis.as_view(), name="anomaly-kpis"),
    path("anomalies/<int:anomaly_id>/feedback", AnomalyFeedback.as_view(), name="anomaly-feedback"),
    path("quarantine", Quarantine.as_view(), name="quarantine"),
    path("charges", Charges.as_view(), name="charges"),
    path("adjustments", Adjustments.as_view(), name="adjustments"),
    path("adjustment-runs", AdjustmentRuns.as_view(), name="adjustment-runs"),
    path("billing-periods", BillingPeriods.as_view(), name="billing-periods"),
]
