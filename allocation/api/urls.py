from django.urls import path

from allocation.api.otlp import Traces
from allocation.api.views import LiteLLMUsage, Quarantine, Usage, UsageSummary

urlpatterns = [
    path("usage", Usage.as_view(), name="usage"),
    path("usage/litellm", LiteLLMUsage.as_view(), name="usage-litellm"),
    path("otlp/v1/traces", Traces.as_view(), name="otlp-traces"),
    path("usage/summary", UsageSummary.as_view(), name="usage-summary"),
    path("quarantine", Quarantine.as_view(), name="quarantine"),
]
