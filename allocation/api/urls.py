from django.urls import path

from allocation.api.attribution import (
    AttributionCoverage,
    AttributionKeys,
    AttributionPreview,
    AttributionReapply,
    AttributionRuleSetDetail,
    AttributionRuleSets,
)
from allocation.api.corrections import AdjustmentRuns, Adjustments, BillingPeriods, Charges
from allocation.api.otlp import Traces
from allocation.api.views import LiteLLMUsage, Quarantine, Usage, UsageSummary

urlpatterns = [
    path("usage", Usage.as_view(), name="usage"),
    path("usage/litellm", LiteLLMUsage.as_view(), name="usage-litellm"),
    path("otlp/v1/traces", Traces.as_view(), name="otlp-traces"),
    path("usage/summary", UsageSummary.as_view(), name="usage-summary"),
    path("attribution/rules", AttributionRuleSets.as_view(), name="attribution-rules"),
    path("attribution/rules/<str:name>", AttributionRuleSetDetail.as_view(), name="attribution-rule-set"),
    path("attribution/keys", AttributionKeys.as_view(), name="attribution-keys"),
    path("attribution/coverage", AttributionCoverage.as_view(), name="attribution-coverage"),
    path("attribution/reapply", AttributionReapply.as_view(), name="attribution-reapply"),
    path("attribution/preview", AttributionPreview.as_view(), name="attribution-preview"),
    path("quarantine", Quarantine.as_view(), name="quarantine"),
    path("charges", Charges.as_view(), name="charges"),
    path("adjustments", Adjustments.as_view(), name="adjustments"),
    path("adjustment-runs", AdjustmentRuns.as_view(), name="adjustment-runs"),
    path("billing-periods", BillingPeriods.as_view(), name="billing-periods"),
]
