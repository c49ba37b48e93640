"""The GuardrailPolicy document: its shape, its parser and its JSON Schema."""

from policies.guardrails.documents.constraint_kinds import ConstraintEntry
from policies.guardrails.documents.durations import (
    format_duration,
    parse_duration,
)
from policies.guardrails.documents.guardrail import (
    Expectation,
    FactRead,
    GuardrailPolicy,
    GuardrailSpec,
    InlineTest,
    Match,
    NotifyEntry,
    Param,
    Step,
)
from policies.guardrails.documents.parsing import (
    guardrail_schema,
    parse_guardrail,
    place_of,
    refusal,
)

__all__ = [
    "ConstraintEntry",
    "Expectation",
    "FactRead",
    "GuardrailPolicy",
    "GuardrailSpec",
    "InlineTest",
    "Match",
    "NotifyEntry",
    "Param",
    "Step",
    "format_duration",
    "guardrail_schema",
    "parse_duration",
    "parse_guardrail",
    "place_of",
    "refusal",
]
