from django.urls import path

from allocation.anomalies.api import Anomalies, AnomalyFeedback, AnomalyKpis
from allocation.attribution.api import AttributionKeys, AttributionRuleSetDetail, AttributionRuleSets
from allocation.billing_periods.api import BillingPeriods
from allocation.commitments.api import Commitments
from allocation.corrections.api.attribution import AttributionReapply
from allocation.corrections.api.corrections import AdjustmentRuns, Adjustments
from allocation.corrections.api.imports import OneUsageImport, UsageImports, UsageImportWithdrawal
from allocation.coverage.api.attribution import AttributionCoverage
from allocation.coverage.api.preview import AttributionPreview
from allocation.coverage.api.prices import PriceCoverage
from allocation.focus.api import (
    FocusExportFile,
    FocusImportExport,
    FocusImportRows,
    FocusImports,
    FocusImportWithdrawal,
    OneFocusImport,
)
from allocation.outcomes.api import Outcomes
from allocation.prices.api import ExchangeRates, PriceBookDetail, PriceBooks, Prices
from allocation.quarantine.api import Quarantine
from allocation.replay.api import QuarantineCorrection, QuarantineReplay, QuarantineSettingAside
from allocation.shared_cost.api.metrics import AllocationMetrics
from allocation.shared_cost.api.shared_cost import (
    AllocatedCharges,
    AllocationRunDetail,
    AllocationRuns,
    SharedCost,
    SharedCostSplits,
)
from allocation.unit_economics.api import UnitEconomicsOfScope
from allocation.usage.api.charges import Charges
from allocation.usage.api.otlp import Logs, Metrics, Traces
from allocation.usage.api.tasks import Tasks
from allocation.usage.api.usage import LiteLLMUsage, Usage, UsageSummary
from allocation.variance.api.variance import VarianceOfScope, VariancesOfScopes

urlpatterns = [
    path("usage", Usage.as_view(), name="usage"),
    path("usage/litellm", LiteLLMUsage.as_view(), name="usage-litellm"),
    path("otlp/v1/traces", Traces.as_view(), name="otlp-traces"),
    path("otlp/v1/logs", Logs.as_view(), name="otlp-logs"),
    path("otlp/v1/metrics", Metrics.as_view(), name="otlp-metrics"),
    path("usage/imports", UsageImports.as_view(), name="usage-imports"),
    path("usage/imports/<int:import_id>", OneUsageImport.as_view(), name="usage-import"),
    path("usage/imports/<int:import_id>/withdrawal", UsageImportWithdrawal.as_view(), name="usage-import-withdrawal"),
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
    path("movement", VarianceOfScope.as_view(), name="movement"),
    path("movement/scopes", VariancesOfScopes.as_view(), name="movement-scopes"),
    path("anomalies", Anomalies.as_view(), name="anomalies"),
    path("anomalies/kpis", AnomalyKpis.as_view(), name="anomaly-kpis"),
    path("anomalies/<int:anomaly_id>/feedback", AnomalyFeedback.as_view(), name="anomaly-feedback"),
    path("outcomes", Outcomes.as_view(), name="outcomes"),
    path("tasks", Tasks.as_view(), name="tasks"),
    path("unit-economics", UnitEconomicsOfScope.as_view(), name="unit-economics"),
    path("quarantine", Quarantine.as_view(), name="quarantine"),
    path("quarantine/<int:record_id>/replay", QuarantineReplay.as_view(), name="quarantine-replay"),
    path("quarantine/<int:record_id>/correct", QuarantineCorrection.as_view(), name="quarantine-correct"),
    path("quarantine/<int:record_id>/set-aside", QuarantineSettingAside.as_view(), name="quarantine-set-aside"),
    path("charges", Charges.as_view(), name="charges"),
    path("adjustments", Adjustments.as_view(), name="adjustments"),
    path("adjustment-runs", AdjustmentRuns.as_view(), name="adjustment-runs"),
    path("billing-periods", BillingPeriods.as_view(), name="billing-periods"),
    path("focus/export", FocusExportFile.as_view(), name="focus-export"),
    path("focus/imports", FocusImports.as_view(), name="focus-imports"),
    path("focus/imports/<int:import_id>", OneFocusImport.as_view(), name="focus-import"),
    path("focus/imports/<int:import_id>/withdrawal", FocusImportWithdrawal.as_view(), name="focus-import-withdrawal"),
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
