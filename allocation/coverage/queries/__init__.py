from allocation.coverage.queries.attributed import (
    CORRECTED_USAGE,
    GROUPINGS,
    SUMS,
    OrganisationAttribution,
    attribution_coverage,
    window,
)
from allocation.coverage.queries.groups import (
    groups_of,
)
from allocation.coverage.queries.mended import (
    mended_fields,
)
from allocation.coverage.queries.prices import (
    partly_unpriced,
    price_coverage,
)

__all__ = [
    "CORRECTED_USAGE",
    "GROUPINGS",
    "SUMS",
    "OrganisationAttribution",
    "attribution_coverage",
    "groups_of",
    "mended_fields",
    "partly_unpriced",
    "price_coverage",
    "window",
]
