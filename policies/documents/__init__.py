"""Guardrail documents: their shape, and the one way to read them."""

from policies.documents.guardrail import GuardrailPolicy
from policies.documents.parsing import guardrail_schema, parse_guardrail, place_of, refusal

__all__ = ["GuardrailPolicy", "guardrail_schema", "parse_guardrail", "place_of", "refusal"]
