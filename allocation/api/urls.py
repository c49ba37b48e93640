from django.urls import path

from allocation.api.corrections import AdjustmentRuns, Adjustments, BillingPeriods, Charges
from allocation.api.otlp import Traces
from allocation.api.prices import ExchangeRates, PriceBookDetail, PriceBooks, PriceCoverage, Prices
from allocation.api.views import LiteLLMUsage, Quarantine, Usage, UsageSummary

urlpatterns = [
    path("usage", Usage.as_view(), name="usage"),
    path("usage/litellm", LiteLLMUsage.as_view(), name="usage-litellm"),
    path("otlp/v1/traces", Traces.as_view(), name="otlp-traces"),
    path("usage/summary", UsageSummary.as_view(), name="usage-summary"),
    path("prices", Prices.as_view(), name="prices"),
    path("prices/coverage", PriceCoverage.as_view(), name="price-coverage"),
    path("price-books", PriceBooks.as_view(), name="price-books"),
    path("price-books/<int:book_id>", PriceBookDetail.as_view(), name="price-book"),
    path("exchange-rates", ExchangeRates.as_view(), name="exchange-rates"),
    path("quarantine", Quarantine.as_view(), name="quarantine"),
    path("charges", Charges.as_view(), name="charges"),
    path("adjustments", Adjustments.as_view(), name="adjustments"),
    path("adjustment-runs", AdjustmentRuns.as_view(), name="adjustment-runs"),
    path("billing-periods", BillingPeriods.as_view(), name="billing-periods"),
]
