"""Settings of drf-spectacular, which writes the OpenAPI document."""

from config import refusals
from governance.rest.engine.problems import CONTENT_TYPE

ABOUT = "What AI may cost: usage in, budgets, guardrails and decisions out."
LIMITS = """Limits, unless the operator has set others: 20,000 requests a second of one API key, 50 of one browser
session, 200 of one address without a valid key; some more at once. Beyond them the answer is 429
(`too_many_requests`) with `Retry-After` in seconds. Organisations share the service fairly: of one, 32 requests are
worked on at once and 256 wait, single posts of usage apart. A usage body has at most 32 MiB, any other 1 MiB, packed
and unpacked. A key that is missing or unknown is refused before the body is read. A body may take 60 s, or longer as
long as it comes at 1 KiB a second; an answer is held for a reader that takes 16 KiB a second.""".replace("\n", " ")

METHODS = """A method that a path does not document is answered 405 (`method_not_allowed`, the response
`MethodNotAllowed`), with `Allow`, which names those there are; `HEAD`, which is answered as `GET` is, without the body,
and `OPTIONS` are among them where they are answered. Who may not ask at all is told so first, by 401 or
403.""".replace("\n", " ")
PROBLEM = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _later(why: str) -> dict[str, object]:
    return {
        "description": why,
        "headers": {"Retry-After": {"description": "In so many seconds.", "schema": {"type": "integer"}}},
        "content": PROBLEM,
    }


SPECTACULAR = {
    "TITLE": "Weir",
    "DESCRIPTION": f"{ABOUT}\n\n{LIMITS}\n\n{METHODS}\n\n{refusals.as_text()}",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "APPEND_COMPONENTS": {
        "securitySchemes": {"ApiKey": {"type": "http", "scheme": "bearer"}},
        "responses": {
            "MethodNotAllowed": {
                "description": "The path does not document this method. Any path answers so.",
                "headers": {
                    "Allow": {
                        "description": "The methods that are answered.",
                        "required": True,
                        "schema": {"type": "string"},
                    },
                },
                "content": PROBLEM,
            },
            "TooManyRequests": _later("Too many requests: try again later. The limits are in this API's description."),
            "NotNow": _later("Not possible just now, and nothing has happened: try again later."),
        },
    },
    "SECURITY": [{"ApiKey": []}],
    "ENUM_NAME_OVERRIDES": {
        "AlertStatus": "policies.alerts.models.Alert.Status",
        "BudgetStatus": "budgets.plans.models.Budget.Status",
        "ConstraintStatus": "policies.constraints.models.Constraint.Status",
        "ImportStatus": "allocation.usage.models.imports.ImportStatus",
        "DeliveryStatus": "governance.messages.models.DeliveryStatus",
        "ReservationStatus": "budgets.reservations.models.Reservation.Status",
        "ReservationKind": "budgets.reservations.models.Reservation.Kind",
        "BudgetUnit": "budgets.plans.models.Unit",
        "CostUnit": "governance.unit_costs.models.CostUnit",
    },
}
