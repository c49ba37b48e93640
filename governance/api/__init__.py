from governance.api.authentication import ApiKeyAuthentication, actor
from governance.api.bodies import GuardedJSONParser, parse_json, read_body
from governance.api.idempotency import idempotent
from governance.api.pagination import CursorPagination
from governance.api.parameters import Parameters
from governance.api.permissions import requires
from governance.api.problems import exception_handler, no_such_route, problem_response

__all__ = [
    "ApiKeyAuthentication",
    "CursorPagination",
    "GuardedJSONParser",
    "Parameters",
    "actor",
    "exception_handler",
    "idempotent",
    "no_such_route",
    "parse_json",
    "problem_response",
    "read_body",
    "requires",
]
