from governance.rest.api.asked import (
    IDEMPOTENCY_KEY,
    listed,
    organisation_asked,
    person_asked,
    scope_asked,
)
from governance.rest.api.authentication import (
    actor,
)
from governance.rest.api.bodies import (
    parse_json,
    read_body,
)
from governance.rest.api.idempotency import (
    idempotent,
)
from governance.rest.api.pagination import (
    CursorPagination,
)
from governance.rest.api.parameters import (
    Parameters,
)
from governance.rest.api.permissions import (
    requires,
)
from governance.rest.api.problems import (
    CONTENT_TYPE,
    no_such_route,
    problem,
)

__all__ = [
    "CONTENT_TYPE",
    "IDEMPOTENCY_KEY",
    "CursorPagination",
    "Parameters",
    "actor",
    "idempotent",
    "listed",
    "no_such_route",
    "organisation_asked",
    "parse_json",
    "person_asked",
    "problem",
    "read_body",
    "requires",
    "scope_asked",
]
