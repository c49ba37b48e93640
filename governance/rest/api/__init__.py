from governance.rest.api.authentication import (
    BasicKeyAuthentication,
    actor,
)
from governance.rest.api.bodies import (
    OneOrMany,
    read_body,
)
from governance.rest.api.idempotency import (
    idempotent,
)
from governance.rest.api.lists import (
    listed,
    narrowed,
)
from governance.rest.api.lookups import (
    CURSOR,
    IDEMPOTENCY_KEY,
    LIMIT,
    organisation_asked,
    person_asked,
    row_asked,
    scope_asked,
    visible_node,
    visible_scope,
)
from governance.rest.api.pagination import (
    pages_by,
)
from governance.rest.api.parameters import (
    DayParameters,
    Parameters,
    ScopeParameters,
)
from governance.rest.api.permissions import (
    requires,
    requires_either,
)
from governance.rest.api.problems import (
    exception_handler,
    no_such_route,
)
from governance.rest.engine.json_bodies import (
    parse_json,
)
from governance.rest.engine.problems import (
    CONTENT_TYPE,
    problem,
)

__all__ = [
    "CONTENT_TYPE",
    "CURSOR",
    "IDEMPOTENCY_KEY",
    "LIMIT",
    "BasicKeyAuthentication",
    "DayParameters",
    "OneOrMany",
    "Parameters",
    "ScopeParameters",
    "actor",
    "exception_handler",
    "idempotent",
    "listed",
    "narrowed",
    "no_such_route",
    "organisation_asked",
    "pages_by",
    "parse_json",
    "person_asked",
    "problem",
    "read_body",
    "requires",
    "requires_either",
    "row_asked",
    "scope_asked",
    "visible_node",
    "visible_scope",
]
