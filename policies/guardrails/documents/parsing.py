"""Data in, typed guardrail out; and the JSON Schema that editors use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

from governance.documents import DocumentError, SourcedDocument, parse_document
from policies.guardrails.documents.guardrail import GuardrailPolicy
from policies.guardrails.documents.unsupported import LATER_KINDS
from policies.guardrails.errors import Finding, GuardrailError

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


def place_of(finding: Finding, sourced: SourcedDocument) -> tuple[str | int, ...]:
    """The field that a finding is about, as ``SourcedDocument.line_of`` takes it: steps are a list, found by name."""
    place: list[str | int] = []
    node: Any = sourced.data
    for name in finding.path.split("."):
        part: str | int = name
        if isinstance(node, list):
            part = next((index for index, item in enumerate(node) if item.get("name") == name), len(node))
        place.append(part)
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            break
    return tuple(place)


def refusal(findings: Iterable[Finding], sourced: SourcedDocument) -> DocumentError:
    """The errors among the findings as a refusal with file and line of each."""
    faults = [(place_of(finding, sourced), finding.message) for finding in findings if finding.severity == "error"]
    problem = DocumentError.of_problems(sourced, faults)
    problem.code = GuardrailError.code
    return problem


def guardrail_schema() -> dict[str, Any]:
    """JSON Schema of a GuardrailPolicy; kept in ``docs/reference/guardrail.schema.json``."""
    schema = _ADAPTER.json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
