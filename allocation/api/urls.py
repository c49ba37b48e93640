from django.urls import path

from allocation.api.anomalies import Anomalies, AnomalyFeedback, AnomalyKpis
from allocation.api.attribution import (
    AttributionCoverage,
    AttributionKeys,
    AttributionPreview,
    AttributionReapply,
    AttributionRuleSetDetail,
    AttributionRuleSets,
)
from allocation.api.commitments import Commitments
from allocation.api.corrections import AdjustmentRuns, Adjustments, BillingPeriods, Charges
from allocation.api.focus import FocusExportFile, FocusImportExport, FocusImportRows, FocusImports, OneFocusImport
from allocation.api.metrics import AllocationMetrics
from allocation.api.movement import ScopeMoved, ScopesMoved
from allocation.api.otlp import Traces
from allocation.api.outcomes import Outcomes
from allocation.api.prices import ExchangeRates, PriceBookDetail, PriceBooks, PriceCoverage, Prices
from allocation.api.shared_cost import (
    AllocatedCharges,
    AllocationRunDetail,
    AllocationRuns,
    SharedCost,
    SharedCostSplits,
)
from allocation.api.tasks import Tasks
from allocation.api.unit_economics import UnitEconomicsOfScope
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
    path("prices", Prices.as_view(), name="prices"),
    path("prices/coverage", PriceCoverage.as_view(), name="price-coverage"),
    path("price-books", PriceBooks.as_view(), name="price-books"),
    path("price-books/<int:book_id>", PriceBookDetail.as_view(), name="price-book"),
    path("exchange-rates", ExchangeRates.as_view(), name="exchange-rates"),
    path("movement", ScopeMoved.as_view(), name="movement"),
    path("movement/scopes", ScopesMoved.as_view(), name="movement-scopes"),
    path("anomalies", Anomalies.as_view(), name="anomalies"),
    path("anomalies/kpis", AnomalyKpis.as_view(), name="anomaly-kpis"),
    path("anomalies/<int:anomaly_id>/feedback", AnomalyFeedback.as_view(), name="anomaly-feedback"),
    path("outcomes", Outcomes.as_view(), name="outcomes"),
    path("tasks", Tasks.as_view(), name="tasks"),
    path("unit-economics", UnitEconomicsOfScope.as_view(), name="unit-economics"),
    path("quarantine", Quarantine.as_view(), name="quarantine"),
    path("charges", Charges.as_view(), name="charges"),
    path("adjustments", Adjustments.as_view(), name="adjustments"),
    path("adjustment-runs", AdjustmentRuns.as_view(), name="adjustment-runs"),
    path("billing-periods", BillingPeriods.as_view(), name="billing-periods"),
    path("focus/export", FocusExportFile.as_view(), name="focus-export"),
    path("focus/imports", FocusImports.as_view(), name="focus-imports"),
    path("focus/imports/<int:import_id>", OneFocusImport.as_view(), name="focus-import"),
    path("focus/imports/<int:import_id>/rows", FocusImportRows.as_view(), name="focus-import-rows"),
    path("focus/imports/<int:import_id>/export", FocusImportExport.as_view(), name="focus-import-export"),
    path("shared-cost", SharedCost.as_view(), name="shared-cost"),
    path("shared-cost-splits", SharedCostSplits.as_view(), name="shared-cost-splits"),
    path("allocation-runs", AllocationRuns.as_view(), name="allocation-runs"),
    path("allocation-runs/<int:run_id>", AllocationRunDetail.as_view(), name="allocation-run"),
    path("allocated-charges", AllocatedCharges.as_view(), name="allocated-charges"),
    path("commitments", Commitments.as_view(), name="commitments"),
    path("allocation-metrics", AllocationMetrics.as_view(), name="allocation-metrics"),
]
