"""Variances of scopes, as other packages import them."""

from allocation.variance.queries.variances import (
    ScopeVariance,
    compared_periods,
    money_of,
    periods_compared,
    scope_variance,
    scope_variance_with_places,
    scope_variances,
    variances_right_below,
)

__all__ = [
    "ScopeVariance",
    "compared_periods",
    "money_of",
    "periods_compared",
    "scope_variance",
    "scope_variance_with_places",
    "scope_variances",
    "variances_right_below",
]
