from governance.scopes.engine import UNATTRIBUTED_SLUG
from governance.scopes.models.scopes import (
    PATH_LENGTH_MAX,
    SLUG_PATTERN,
    Criticality,
    Practice,
    Scope,
    ScopeKind,
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
    "OrganisationQuerySet",
    "Practice",
    "RowT",
    "Scope",
    "ScopeKind",
    "ScopeTreeVersion",
    "ScopedQuerySet",
    "Viewer",
    "at_or_below",
    "seen_by",
]
