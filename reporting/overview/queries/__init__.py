from reporting.overview.queries.cost_chart import (
    Series,
    cost_chart,
)
from reporting.overview.queries.overview import Dashboard, dashboard

__all__ = [
    "Dashboard",
    "Series",
    "cost_chart",
    "dashboard",
]
