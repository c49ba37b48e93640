from reporting.overview.queries.overview import (
    Dashboard,
    dashboard,
)

__all__ = [
    "Dashboard",
    "dashboard",
]
