"""How API keys appear in the OpenAPI document."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # Registers itself, untyped there.
    """Registers itself with drf-spectacular when it is imported."""

    target_class = "governance.rest.api.authentication.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        del auto_schema
        return {"type": "http", "scheme": "bearer", "bearerFormat": "weir_<prefix>_<secret>"}


class BasicKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # Registers itself, untyped there.
    """As ApiKeyScheme, for the key as a password."""

    target_class = "governance.rest.api.authentication.BasicKeyAuthentication"
    name = "ApiKeyAsPassword"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        del auto_schema
        return {"type": "http", "scheme": "basic"}
