"""`kind: PriceBook`: prices of a contract, dated, per provider, model and service tier."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from allocation.documents.events import ServiceTier
from allocation.documents.naming import NamedMetadata
from governance.documents import Document

# Twelve places hold any published price per million tokens.
Price = Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=12, allow_inf_nan=False)]
METERS = ("input", "cached_input", "cache_write", "output", "reasoning", "request", "gpu_hour")
Meter = Literal["input", "cached_input", "cache_write", "output", "reasoning", "request", "gpu_hour"]


def _midnight(value: Any) -> Any:
    """A bare date means its first instant in UTC."""
    if isinstance(value, str) and len(value) == len("2026-01-01"):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_midnight)]


class PriceSpec(BaseModel):
    """Token meters are per million tokens, `request` per request, `gpu_hour` per hour.

    Without `cached_input` or `cache_write` those tokens cost what fresh input costs; without `reasoning`, what output
    costs. `above_input_tokens` opens a context tier: its prices hold for the whole of a request with more input.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Annotated[str, Field(min_length=1, max_length=128)]
    model: Annotated[str, Field(min_length=1, max_length=128)]
    service_tier: ServiceTier = "standard"
    effective_from: Instant
    effective_to: Instant | None = None
    above_input_tokens: Annotated[int, Field(ge=0, le=10**9)] = 0
    input: Price | None = None
    cached_input: Price | None = None
    cache_write: Price | None = None
    output: Price | None = None
    reasoning: Price | None = None
    request: Price | None = None
    gpu_hour: Price | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(getattr(self, meter) is None for meter in METERS):
            raise ValueError(f"states no price: give at least one of {', '.join(METERS)}")
        if self.effective_to and self.effective_to <= self.effective_from:
            raise ValueError("effective_to must be later than effective_from: the validity is half-open")
        return self

    @property
    def identity(self) -> tuple[object, ...]:
        return (self.provider, self.model, self.service_tier, self.effective_from, self.effective_to)


class PriceBookSpec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    organisation: Annotated[str, Field(min_length=1, max_length=63)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    prices: Annotated[tuple[PriceSpec, ...], Field(min_length=1, max_length=20_000)]

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Self:
        seen: set[tuple[object, ...]] = set()
        for position, price in enumerate(self.prices):
            key = (*price.identity, price.above_input_tokens)
            if key in seen:
                raise ValueError(f"prices.{position} states the same model, tier and validity a second time")
            seen.add(key)
        for position, price in enumerate(self.prices):
            if (*price.identity, 0) not in seen:
                raise ValueError(f"prices.{position} is a context tier without its base (above_input_tokens: 0)")
        return self


class PriceBookDocument(Document):
    kind: Literal["PriceBook"]
    metadata: NamedMetadata
    spec: PriceBookSpec
