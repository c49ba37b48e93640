"""Parts of the guardrail language that exist in its design but not in this version: refused in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

LATER_KINDS: Mapping[str, str] = {
    "PolicyBinding": "put its parameters into the GuardrailPolicy itself",
    "PolicyExemption": "narrow the GuardrailPolicy with `exclude`",
}


def later(*fields: str) -> Any:
    """A validator for a model's body: these fields are refused by name before any other check."""

    @model_validator(mode="before")
    def refuse(value: Any) -> Any:
        named = [name for name in fields if isinstance(value, Mapping) and name in value]
        if named:
            raise ValueError(f"`{named[0]}` is not supported in this version; remove it")
        return value

    return refuse
