from django.urls import path

from allocation.api.views import LiteLLMUsage, Quarantine, Usage, UsageSummary

urlpatterns = [
    path("usage", Usage.as_view(), name="usage"),
    path("usage/litellm", LiteLLMUsage.as_view(), name="usage-litellm"),
    path("usage/summary", UsageSummary.as_view(), name="usage-summary"),
    path("quarantine", Quarantine.as_view(), name="quarantine"),
]
