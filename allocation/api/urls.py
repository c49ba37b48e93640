from django.urls import path

from allocation.api.corrections import AdjustmentRuns, Adjustments, BillingPeriods, Charges
from allocation.api.otlp import Traces
from allocation.api.outcomes import Outcomes
from allocation.api.tasks import Tasks
from allocation.api.unit_economics import UnitEconomicsOfScope
from allocation.api.views import LiteLLMUsage, Quarantine, Usage, UsageSummary

urlpatterns = [
    path("usage", Usage.as_view(), name="usage"),
    path("usage/litellm", LiteLLMUsage.as_view(), name="usage-litellm"),
    path("otlp/v1/traces", Traces.as_view(), name="otlp-traces"),
    path("usage/summary", UsageSummary.as_view(), name="usage-summary"),
    path("outcomes", Outcomes.as_view(), name="outcomes"),
    path("tasks", Tasks.as_view(), name="tasks"),
    path("unit-economics", UnitEconomicsOfScope.as_view(), name="unit-economics"),
    path("quarantine", Quarantine.as_view(), name="quarantine"),
    path("charges", Charges.as_view(), name="charges"),
    path("adjustments", Adjustments.as_view(), name="adjustments"),
    path("adjustment-runs", AdjustmentRuns.as_view(), name="adjustment-runs"),
    path("billing-periods", BillingPeriods.as_view(), name="billing-periods"),
]
