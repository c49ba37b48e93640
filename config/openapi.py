"""Settings of drf-spectacular, which writes the OpenAPI document."""

from config import refusals

SPECTACULAR = {
    "TITLE": "Weir",
    "DESCRIPTION": f"What AI may cost: usage in, budgets, guardrails and decisions out.\n\n{refusals.as_text()}",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "APPEND_COMPONENTS": {"securitySchemes": {"ApiKey": {"type": "http", "scheme": "bearer"}}},
    "SECURITY": [{"ApiKey": []}],
    "ENUM_NAME_OVERRIDES": {
        "AlertStatus": "policies.alerts.models.Alert.Status",
        "BudgetStatus": "budgets.plans.models.Budget.Status",
        "ConstraintStatus": "policies.constraints.models.Constraint.Status",
        "ImportStatus": "allocation.usage.models.imports.ImportStatus",
        "DeliveryStatus": "governance.messages.models.DeliveryStatus",
        "BudgetUnit": "budgets.plans.models.Unit",
        "CostUnit": "governance.unit_costs.models.CostUnit",
    },
}
