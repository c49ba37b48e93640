"""Data in, typed guardrail out; and the JSON Schema that editors use."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from governance.documents import DocumentError, SourcedDocument, parse_document
from policies.documents.guardrail import GuardrailPolicy
from policies.documents.unsupported import LATER_KINDS

_ADAPTER = TypeAdapter(GuardrailPolicy)


def parse_guardrail(
    data: SourcedDocument | dict[str, Any], source: str = "<document>", line: int = 1
) -> GuardrailPolicy:
    """The document, or a DocumentError with file, line, field and what to do."""
    sourced = data if isinstance(data, SourcedDocument) else SourcedDocument(source, line, data, text="")
    kind = sourced.data.get("kind")
    if isinstance(kind, str) and kind in LATER_KINDS:
        message = f"{kind} is not supported in this version; {LATER_KINDS[kind]}"
        raise DocumentError(message, file=sourced.source, line=sourced.line, path="kind", code="not_supported")
    return parse_document(_ADAPTER, sourced)


def guardrail_schema() -> dict[str, Any]:
    """JSON Schema of a GuardrailPolicy; kept in ``docs/reference/guardrail.schema.json``."""
    schema = _ADAPTER.json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
