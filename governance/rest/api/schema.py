"""How the OpenAPI document tells of API keys, pages, refusals and documents in bodies."""

from typing import Any, Literal

from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent

from governance.rest.api.bodies import OneOrMany
from governance.rest.api.pagination import CursorPagination
from governance.rest.engine.problems import CONTENT_TYPE


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


Direction = Literal["request", "response"]
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. Some problems carry more members, which their description names.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; see the list of refusals."},
        "detail": {"type": "string", "description": "A sentence for people."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "errors": {
            "type": "array",
            "description": "With `validation_failed`: each field that is wrong.",
            "items": {"$ref": "#/components/schemas/FieldError"},
        },
    },
    "required": ["type", "title", "status", "code", "detail", "instance"],
}
FIELD_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {"field": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
    "required": ["field", "code", "detail"],
}


# Described in `config.openapi`.
LATER = {"429": "TooManyRequests", "503": "NotNow"}


class Schema(AutoSchema):
    """Every list is a page, and every refusal a problem."""

    def _get_paginator(self) -> Any:
        """That of the view, else that of `listed`, by which every other list is made."""
        return super()._get_paginator() or CursorPagination()  # type: ignore[no-untyped-call]  # untyped there

    def _get_request_for_media_type(self, serializer: Any, direction: Direction = "request") -> Any:
        if not isinstance(serializer, OneOrMany):
            return super()._get_request_for_media_type(serializer, direction)  # type: ignore[no-untyped-call]  # as above
        document: Any = serializer.document
        # The same in every direction, so that its name has no suffix.
        one = self.resolve_serializer(document, "response").ref
        return {"oneOf": [{"type": "array", "items": one}, one]}, True

    def _get_response_bodies(self, direction: Direction = "response") -> Any:
        """With the problem that any other status is answered by, beside what the view documents, and the two statuses
        that any operation may be answered by for the time being.
        """
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        _register(self, "FieldError", FIELD_ERROR)
        problem = _register(self, "Problem", PROBLEM)
        refusal = {"description": "A refusal.", "content": {CONTENT_TYPE: {"schema": problem}}}
        later = {status: {"$ref": f"#/components/responses/{name}"} for status, name in LATER.items()}
        return {**later, **bodies, "default": bodies.get("default", refusal)}


class DocumentExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # Registers itself, untyped there.
    """Documents in request bodies, as pydantic reads them."""

    target_class = "pydantic.BaseModel"
    match_subclasses = True
    priority = 1

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        del auto_schema, direction
        set_override(self.target, "suppress_collision_warning", True)
        name: str = self.target.__name__
        return name

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        del direction
        schema = _without_object_defaults(self.target.model_json_schema(ref_template="#/components/schemas/{model}"))
        for name, part in schema.pop("$defs", {}).items():
            _register(auto_schema, name, part)
        return schema


def _register(auto_schema: Any, name: str, schema: Any) -> Any:
    """The reference to a component that stands under this name from now on."""
    kind = ResolvedComponent.SCHEMA
    component = ResolvedComponent(name=name, type=kind, object=name, schema=schema)  # type: ignore[no-untyped-call]  # as above
    auto_schema.registry.register_on_missing(component)
    return component.ref


def _without_object_defaults(schema: Any) -> Any:
    """Without defaults that are objects or arrays, which generators of clients do not take."""
    if isinstance(schema, list):
        return [_without_object_defaults(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _without_object_defaults(part)
        for name, part in schema.items()
        if name != "default" or not isinstance(part, dict | list)
    }
