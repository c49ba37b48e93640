"""Django finds this app's pages here; each concept holds its own."""

from allocation.anomalies import admin as anomalies
from allocation.attribution import admin as attribution
from allocation.billing_periods import admin as billing_periods
from allocation.commitments import admin as commitments
from allocation.corrections import admin as corrections
from allocation.coverage import admin as coverage
from allocation.focus import admin as focus
from allocation.outcomes import admin as outcomes
from allocation.prices import admin as prices
from allocation.replay import admin as replay
from allocation.shared_cost import admin as shared_cost
from allocation.sources import admin as sources
from allocation.unit_economics import admin as unit_economics
from allocation.usage import admin as usage
from allocation.variance import admin as variance

__all__ = [
    "anomalies",
    "attribution",
    "billing_periods",
    "commitments",
    "corrections",
    "coverage",
    "focus",
    "outcomes",
    "prices",
    "replay",
    "shared_cost",
    "sources",
    "unit_economics",
    "usage",
    "variance",
]
