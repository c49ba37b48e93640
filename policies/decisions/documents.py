"""The question that a gateway asks before a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from allocation.meters.documents import TOLD_NAMES
from governance.errors import Invalid

BODY_BYTES_MAX = 16_384
MISSPELT_MAX, ALIKE = 40, 0.75

Name = Annotated[str, Field(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call that has not been made, with what decides the scope of its usage."""

    model: str
    provider: str = ""
    operation: str = "chat"
    source: str = ""
    service_tier: str = "standard"
    attributes: Mapping[str, str] = field(default_factory=dict)
    scope: str | None = None


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    scope: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    model: Name
    provider: Name | None = None
    operation: Name | None = None
    service_tier: Name | None = None
    source: Name | None = None
    team: Name | None = None
    key_alias: Name | None = None
    key_hash: Name | None = None
    attributes: Annotated[dict[Name, Annotated[str, Field(max_length=500)]], Field(max_length=100)] = Field(
        default_factory=dict
    )
    estimated_tokens: Annotated[int, Field(ge=0)] | None = None

    @property
    def call(self) -> PlannedCall:
        """The call as its usage will be attributed."""
        named = {"team": self.team, "key_alias": self.key_alias, "key_hash": self.key_hash}
        return PlannedCall(
            provider=self.provider or "",
            model=self.model,
            operation=self.operation or "chat",
            source=self.source or "",
            service_tier=self.service_tier or "standard",
            attributes=self.attributes | {name: value for name, value in named.items() if value is not None},
        )


class ProxysQuestion(Question):
    """As a proxy asks, which may not know the model: then only what holds every model back holds the call back."""

    model: Annotated[str, Field(max_length=200)] = ""


def question_of(value: object, kind: type[Question] = Question) -> Question:
    """The question that a JSON value asks. Raises Invalid (`validation_failed`) with every field that is wrong."""
    try:
        return kind.model_validate(value)
    except ValidationError as invalid:
        raise Invalid(
            "The request is not valid; see errors.",
            code="validation_failed",
            errors=list(map(_field, invalid.errors())),
        ) from None


def _may_be_told(name: str) -> bool:
    """Any other name of a field may be text of a prompt; one that is misspelt is not."""
    return name in TOLD_NAMES or (
        len(name) <= MISSPELT_MAX and bool(get_close_matches(name, ProxysQuestion.model_fields, n=1, cutoff=ALIKE))
    )


def _field(error: Any) -> dict[str, str]:
    is_unknown = error["type"] == "extra_forbidden"
    named = ".".join(str(part) for part in error["loc"])
    return {
        "field": "?" if is_unknown and not _may_be_told(named) else named,
        "code": "unknown_field" if is_unknown else str(error["type"]),
        "detail": "There is no such field." if is_unknown else str(error["msg"]),
    }
