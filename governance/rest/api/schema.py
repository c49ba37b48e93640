"""How the OpenAPI document tells of API keys, pages, refusals and documents in bodies."""

from collections.abc import Iterator
from typing import Any, Literal

from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent

from governance.rest.api.bodies import OneOrMany
from governance.rest.api.lookups import IDEMPOTENCY_KEY
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
# Names by which a request names a scope, which may be of others, and a period, which may be none.
PLACES = {"scope", "organisation"}
PERIODS = {"from", "to", "since", "until", "month", "period"}
REFUSALS = {
    400: "The request is malformed, or `errors` names what is wrong in it.",
    401: "Nobody is known by these credentials.",
    403: "The key or person may not do this.",
    404: "There is no such thing among those the caller may see.",
    406: "It cannot be given in the form asked for.",
    409: "The state of things does not allow it, or the same command is still running.",
    413: "The body is too large.",
    415: "The body is of a type or packing that is not read.",
    422: "It is understood, and cannot be done with these values.",
}
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
            "description": "Each field, or each place in a document, that is wrong.",
            "items": {
                "anyOf": [{"$ref": "#/components/schemas/FieldError"}, {"$ref": "#/components/schemas/DocumentFault"}]
            },
        },
    },
    "required": ["type", "title", "status", "code", "detail", "instance"],
}
FIELD_ERROR: dict[str, Any] = {
    "type": "object",
    "properties": {"field": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
    "required": ["field", "code", "detail"],
}
DOCUMENT_FAULT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "The field in the document."},
        "line": {"type": "integer"},
        "message": {"type": "string"},
    },
    "required": ["path", "line", "message"],
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
        """With each status that may refuse it, beside what the view documents."""
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        _register(self, "FieldError", FIELD_ERROR)
        _register(self, "DocumentFault", DOCUMENT_FAULT)
        problem = _register(self, "Problem", PROBLEM)
        refusals = {str(status): _refusal(self, status, problem) for status in self._refused_by()}
        later = {status: {"$ref": f"#/components/responses/{name}"} for status, name in LATER.items()}
        return dict(sorted({**refusals, **later, **bodies}.items()))

    def _refused_by(self) -> Iterator[int]:
        """What may be wrong with whoever asks, and with what this operation takes."""
        yield from (401, 403)
        parameters = self._get_parameters()
        of_path = {each["name"] for each in parameters if each["in"] == "path"}
        asked = {each["name"] for each in parameters if each["in"] == "query"}
        is_command = self.method != "GET"
        named = asked | of_path | (self._fields_of_body() if is_command else set())
        if not getattr(self.view, "negotiates_nothing", False):
            yield 406
        if is_command or asked:
            yield 400
        if of_path or named & PLACES:
            yield 404
        if is_command:
            yield from (413, 415)
        if is_command or asked & PERIODS:
            yield 422
        if any(each["name"] == IDEMPOTENCY_KEY.name for each in parameters):
            yield 409

    def _fields_of_body(self) -> set[str]:
        """Names in a body that is one object."""
        content = (self._get_request_body() or {}).get("content", {})  # type: ignore[no-untyped-call]  # as above
        found: set[str] = set()
        for media in content.values():
            name = media["schema"].get("$ref", "").rpartition("/")[2]
            if name:
                component = self.registry[name, ResolvedComponent.SCHEMA]
                found |= component.schema.get("properties", {}).keys()
        return found


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


def _refusal(auto_schema: Any, status: int, problem: Any) -> Any:
    """The reference to the response that stands for the status in every operation."""
    body: dict[str, Any] = {"description": REFUSALS[status], "content": {CONTENT_TYPE: {"schema": problem}}}
    name = f"Refused{status}"
    component = ResolvedComponent(name=name, type="responses", object=name, schema=body)  # type: ignore[no-untyped-call]  # as above
    auto_schema.registry.register_on_missing(component)
    return component.ref


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
