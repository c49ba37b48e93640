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
    """The field a finding speaks of, as ``SourcedDocument.line_of`` takes it: steps stand in a list, by name."""
    where: list[str | int] = []
    here: Any = sourced.data
    for name in finding.path.split("."):
        part: str | int = name
        if isinstance(here, list):
            part = next((index for index, one in enumerate(here) if one.get("name") == name), len(here))
        where.append(part)
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            break
    return tuple(where)


def refusal(findings: Iterable[Finding], sourced: SourcedDocument) -> DocumentError:
    """What a GuardrailError says, with file and line of each fault."""
    faults = [(place_of(one, sourced), one.message) for one in findings if one.severity == "error"]
    problem = DocumentError.of_problems(sourced, faults)
    problem.code = GuardrailError.code
    return problem


def guardrail_schema() -> dict[str, Any]:
    """JSON Schema of a GuardrailPolicy; kept in ``docs/reference/guardrail.schema.json``."""
    schema = _ADAPTER.json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
