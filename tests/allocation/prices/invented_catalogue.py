"""Releases of an invented catalogue."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot
from genai_prices.types import (
    ClauseStartsWith,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    StartDateConstraint,
)

# Without a start date, then from a day of November 2026 on: dollars per million tokens of input.
Prices = str | Sequence[tuple[int | None, str]]


def from_day(day: int | None) -> StartDateConstraint | None:
    return None if day is None else StartDateConstraint(date(2026, 11, day))


def model(name: str, prices: Prices, batch: Prices = ()) -> ModelInfo:
    """A model that goes by its name and whatever follows a hyphen; `batch` is priced the same way."""
    stated = [(None, prices)] if isinstance(prices, str) else prices
    half = [(None, batch)] if isinstance(batch, str) else batch
    return ModelInfo(
        id=name,
        match=ClauseStartsWith(f"{name}-"),
        prices=[ConditionalPrice(from_day(day), prices=ModelPrice(input_mtok=Decimal(price))) for day, price in stated],
        price_variants=[
            PriceVariant({"processing": "batch"}, ModelPrice(input_mtok=Decimal(price)), from_day(day))
            for day, price in half
        ],
    )


def provider(*models: ModelInfo) -> list[Provider]:
    return [Provider(id="lumen", name="Lumen", api_pattern="https://lumen", models=list(models))]


@contextmanager
def in_use(providers: list[Provider]) -> Iterator[None]:
    """The release that the process prices with."""
    set_custom_snapshot(DataSnapshot(providers=providers, from_auto_update=False))
    try:
        yield
    finally:
        set_custom_snapshot(None)
