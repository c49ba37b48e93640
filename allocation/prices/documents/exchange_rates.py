"""`kind: ExchangeRates`: what one currency is worth in another, from a UTC day on."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from allocation.meters.documents import PRINTABLE
from allocation.prices.documents.price_books import Currency
from governance.documents import Document, NamedMetadata

# Together with a book's version and a day, a rate must fit into the 40 characters of a record's price version.
RATE_PLACES = 8
RATE_DIGITS = 14


class RateSpec(BaseModel):
    """One unit of `from` is worth `rate` units of `to`, from the UTC day `effective_from` until the next rate's day."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_currency: Annotated[Currency, Field(alias="from")]
    to_currency: Annotated[Currency, Field(alias="to")]
    effective_from: date
    rate: Annotated[
        Decimal, Field(gt=0, max_digits=RATE_DIGITS, decimal_places=RATE_PLACES, allow_inf_nan=False)
    ]  # fmt: skip

    @model_validator(mode="after")
    def _is_between_two(self) -> Self:
        if self.from_currency == self.to_currency:
            raise ValueError("from and to are the same currency")
        return self

    @property
    def key(self) -> tuple[str, str, date]:
        """The currencies and the day, which a document may state once."""
        return (self.from_currency, self.to_currency, self.effective_from)


class ExchangeRatesSpec(BaseModel):
    """The rates of one organisation and where they come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    organisation: Annotated[str, Field(min_length=1, max_length=63)]
    source: Annotated[str, Field(min_length=1, max_length=100, pattern=PRINTABLE)]
    rates: Annotated[tuple[RateSpec, ...], Field(min_length=1, max_length=500_000)]

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Self:
        seen: set[object] = set()
        for position, rate in enumerate(self.rates):
            if rate.key in seen:
                raise ValueError(f"rates.{position} states the same currencies and day a second time")
            seen.add(rate.key)
        return self


class ExchangeRatesDocument(Document):
    """Exchange rates that one organisation converts by."""

    kind: Literal["ExchangeRates"]
    metadata: NamedMetadata
    spec: ExchangeRatesSpec
