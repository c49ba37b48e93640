"""`kind: Commitment`: capacity or spend that is paid for every month, used or not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from allocation.prices.documents import Price
from governance.documents import Document, NamedMetadata, Part, ScopePath, Slug

MONEY_MAX = 10**12
MonthlyAmount = Annotated[Decimal, Field(gt=0, le=MONEY_MAX, decimal_places=9, allow_inf_nan=False)]
UNITS_MAX = 10**15
UNIT_OF = {"reserved_gpu": ("gpu_hour",), "committed_spend": ("money",), "provisioned_throughput": ("token", "request")}


class CommitmentSpec(Part):
    """`unit` is what `units_per_month` counts; `on_demand_unit_price` is per GPU hour, per million tokens, per request,
    or per unit of money (1 when the commitment is to spend). A part of a month costs and gives its part by days.
    """

    organisation: Slug
    kind: Literal["reserved_gpu", "committed_spend", "provisioned_throughput"]
    provider: Annotated[str, Field(min_length=1, max_length=128)]
    models: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=128)], ...], Field(min_length=1)] = ("*",)
    scope: Annotated[ScopePath | None, Field(description="Whose usage it covers; left out: everybody's.")] = None
    amount_per_month: MonthlyAmount
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    unit: Literal["gpu_hour", "token", "request", "money"]
    units_per_month: Annotated[Decimal, Field(gt=0, le=UNITS_MAX, decimal_places=6, allow_inf_nan=False)]
    on_demand_unit_price: Price | None = None
    starts_on: date
    ends_on: date | None = None

    @property
    def covered_scope(self) -> str:
        """Path of the scope whose usage it covers: the organisation where none is named."""
        return self.scope or self.organisation

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.unit not in UNIT_OF[self.kind]:
            raise ValueError(f"unit: a {self.kind} is counted in {' or '.join(UNIT_OF[self.kind])}")
        if self.ends_on and self.ends_on <= self.starts_on:
            raise ValueError("ends_on must be later than starts_on: it is the first day not covered any more")
        if self.covered_scope.partition("/")[0] != self.organisation:
            raise ValueError(f"scope: {self.scope} lies outside {self.organisation}")
        return self


class CommitmentDocument(Document):
    kind: Literal["Commitment"]
    metadata: NamedMetadata
    spec: CommitmentSpec
