"""Django finds this app's tables here; each concept holds its own."""

from allocation.anomalies import models as anomalies
from allocation.attribution import models as attribution
from allocation.billing_periods import models as billing_periods
from allocation.commitments import models as commitments
from allocation.corrections import models as corrections
from allocation.focus import models as focus
from allocation.outcomes import models as outcomes
from allocation.prices import models as prices
from allocation.quarantine import models as quarantine
from allocation.shared_cost import models as shared_cost
from allocation.sources import models as sources
from allocation.unit_economics import models as unit_economics
from allocation.usage import models as usage

__all__ = [
    "anomalies",
    "attribution",
    "billing_periods",
    "commitments",
    "corrections",
    "focus",
    "outcomes",
    "prices",
    "quarantine",
    "shared_cost",
    "sources",
    "unit_economics",
    "usage",
]
