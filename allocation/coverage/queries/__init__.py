from allocation.coverage.queries.attributed import GROUPINGS, STANDING, SUMS, OrganisationCoverage, coverage, window
from allocation.coverage.queries.groups import (
    groups_of,
)
from allocation.coverage.queries.prices import (
    price_coverage,
)

__all__ = [
    "GROUPINGS",
    "STANDING",
    "SUMS",
    "OrganisationCoverage",
    "coverage",
    "groups_of",
    "price_coverage",
    "window",
]
