from governance.scopes.models.scopes import (
    PATH_LENGTH_MAX,
    SLUG_PATTERN,
    UNATTRIBUTED_SLUG,
    Criticality,
    Kind,
    Practice,
    Scope,
    ScopeTreeVersion,
)
from governance.scopes.models.visibility import (
    OrganisationQuerySet,
    RowT,
    ScopedQuerySet,
    Viewer,
    at_or_below,
    seen_by,
)

__all__ = [
    "PATH_LENGTH_MAX",
    "SLUG_PATTERN",
    "UNATTRIBUTED_SLUG",
    "Criticality",
    "Kind",
    "OrganisationQuerySet",
    "Practice",
    "RowT",
    "Scope",
    "ScopeTreeVersion",
    "ScopedQuerySet",
    "Viewer",
    "at_or_below",
    "seen_by",
]
