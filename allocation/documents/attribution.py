"""`kind: AttributionRules`: which attributes of a usage record mean which scope."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from allocation.documents.events import PRINTABLE, AttributeName
from allocation.documents.naming import NamedMetadata
from governance.documents import Document

Pattern = Annotated[str, Field(min_length=1, max_length=200)]


class RuleSpec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(max_length=100, pattern=PRINTABLE)] = ""
    when: Annotated[dict[AttributeName, Pattern], Field(min_length=1, max_length=16)]
    scope: Annotated[str, Field(min_length=1, max_length=1000)]
    effective_from: date | None = None
    effective_to: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.effective_from and self.effective_to and self.effective_to <= self.effective_from:
            raise ValueError("effective_to must be later than effective_from: the validity is half-open")
        return self


class AttributionSpec(BaseModel):
    """The rules of one organisation, in the order in which they are tried; a scope lies inside the organisation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    organisation: Annotated[str, Field(min_length=1, max_length=63)]
    rules: Annotated[tuple[RuleSpec, ...], Field(max_length=2000)]

    @model_validator(mode="after")
    def _stays_inside(self) -> Self:
        for position, rule in enumerate(self.rules):
            if rule.scope.partition("/")[0] != self.organisation:
                raise ValueError(f"rules.{position}.scope: {rule.scope} lies outside {self.organisation}")
        return self


class AttributionRulesDocument(Document):
    kind: Literal["AttributionRules"]
    metadata: NamedMetadata
    spec: AttributionSpec
