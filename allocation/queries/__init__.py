from allocation.queries.anomalies import AnomalyKpis, DayAround, anomalies_seen, anomaly_kpis, days_around
from allocation.queries.movement import ScopeMovement, money_of, periods_asked, scope_movement, scope_movements
from allocation.queries.usage import GROUPS, SUMMED, usage_records, usage_summary
from allocation.queries.windows import UsageTotals, data_ages, pieces, window_totals, windows_totals

__all__ = [
    "GROUPS",
    "SUMMED",
    "AnomalyKpis",
    "DayAround",
    "ScopeMovement",
    "UsageTotals",
    "anomalies_seen",
    "anomaly_kpis",
    "data_ages",
    "days_around",
    "money_of",
    "periods_asked",
    "pieces",
    "scope_movement",
    "scope_movements",
    "usage_records",
    "usage_summary",
    "window_totals",
    "windows_totals",
]
