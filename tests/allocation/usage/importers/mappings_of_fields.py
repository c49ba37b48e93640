"""Mappings for tests, made of the fields in question."""

from typing import Any

from pydantic import TypeAdapter

from allocation.usage.documents import UsageMapping
from allocation.usage.importers.mapped import translator

READ: TypeAdapter[UsageMapping] = TypeAdapter(UsageMapping)
STATED: dict[str, Any] = {
    "id": {"line": True},
    "occurred_at": {"constant": "2026-11-20T00:00:00Z"},
    "provider": {"constant": "openai"},
    "model": {"constant": "gpt-4o"},
}


def mapping_of(fields: dict[str, Any], **settings: Any) -> UsageMapping:
    """A mapping of CSV with these fields; those that every event has are stated where they are not among them."""
    return READ.validate_python({"format": "csv", "source": "log", **settings, "fields": {**STATED, **fields}})


def read_field(field: str, spec: Any, row: dict[str, Any], **settings: Any) -> Any:
    """What the field of a row's event comes to, or the code and sentence of its fault."""
    event, fault = translator(mapping_of({field: spec}, **settings))(row, 1)
    if fault is not None:
        return fault.code, fault.message
    head, _, tail = field.partition(".")
    return event.get(head, {}).get(tail) if tail else event.get(head)
