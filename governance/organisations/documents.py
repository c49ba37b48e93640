"""The document kind `Scope`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from governance.documents import Document, Metadata, Part, ScopePath

Right = Literal["approve_budget", "set_unit_cost", "constrain_demand", "acknowledge", "grant_in_emergency"]
PersonaName = Literal["engineering", "finance", "finops", "platform"]


class OwnerSpec(Part):
    """`rights` left out: the persona's usual ones; empty: none, the owner is told and may look."""

    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", to_lower=True, max_length=254)]
    persona: PersonaName
    rights: tuple[Right, ...] | None = None


class ScopeSpec(Part):
    kind: Literal["organisation", "business_unit", "team", "product", "workload", "agent"]
    practice: Literal["finops_for_ai", "ai_for_finops"] = "finops_for_ai"
    environment: Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9._-]{0,62})?$")] = ""
    criticality: Literal["low", "standard", "high", "business_critical"] = "standard"
    labels: dict[str, str] = {}
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    fiscal_year_starts: Annotated[int, Field(ge=1, le=12)] | None = Field(
        default=None, description="Of an organisation: the month in which its fiscal year starts; left out: as it is."
    )
    owners: tuple[OwnerSpec, ...] | None = Field(default=None, description="Left out: owners stay as they are.")


class ScopeMetadata(Metadata):
    name: ScopePath
    title: str = ""


class ScopeDocument(Document):
    """`metadata.name` is the full path, such as `acme/search`; the parent exists or comes earlier."""

    kind: Literal["Scope"]
    metadata: ScopeMetadata
    spec: ScopeSpec

    @model_validator(mode="after")
    def _root_and_organisation_go_together(self) -> Self:
        is_root = "/" not in self.metadata.name
        if is_root != (self.spec.kind == "organisation"):
            raise ValueError("kind 'organisation' belongs to a name without '/', and only to one")
        if self.spec.currency and not is_root:
            raise ValueError("currency stands at the organisation; remove it here")
        if self.spec.fiscal_year_starts and not is_root:
            raise ValueError("fiscal_year_starts stands at the organisation; remove it here")
        if self.metadata.name.split("/")[-1] == "unattributed" and self.metadata.name.count("/") != 1:
            raise ValueError("'unattributed' is kept for the organisation's own unattributed scope")
        return self
