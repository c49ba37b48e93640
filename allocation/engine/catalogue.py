"""The dated catalogue: genai-prices, compiled to rate cards. Its own `calc_price` prices what a card cannot express."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices, TimeOfDateConstraint, Usage

from allocation.engine.rates import RateCard, TokenPrices, rate_card

SOURCE = "genai-prices"
VERSION = genai_prices.__version__
CURRENCY = "USD"

_FIELDS = {
    "input_mtok": "input",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_write",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "requests_kcount": "request",
}
# Priced quantities that a usage event does not carry; the catalogue charges nothing for them either.
_NOT_REPORTED = (
    "audio", "image", "video", "text", "web_searches", "storage_searches", "social_searches", "searches", "document",
    "citation", "cache_write_5m", "cache_write_1h", "mchars", "gpixels", "hours", "messages", "rerank", "tool",
)  # fmt: skip
_TIER_CONTEXT = {
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
# Names gateways give to providers, where the catalogue's own matching does not know them.
_PROVIDER_NAMES = {"azure_ai": "azure", "fireworks_ai": "fireworks", "bedrock_converse": "aws", "xai": "x-ai"}


@dataclass(frozen=True, slots=True)
class CalculatedCard:
    """A price the card form cannot hold: each record goes through genai-prices itself."""

    price: ModelPrice
    source: str = SOURCE
    version: str = VERSION

    def cost(self, usage: Usage) -> Decimal:
        total: Decimal = self.price.calc_price(usage)["total_price"]
        return total


@dataclass(frozen=True, slots=True)
class Hourly:
    """A model whose price depends on the time of day: the card is looked up for each record."""

    model: ModelInfo
    context: dict[str, str] | None

    def at(self, at: datetime) -> "RateCard | CalculatedCard | None":
        return _card(self.model.get_prices(at, self.context))


CatalogueEntry = RateCard | CalculatedCard | Hourly | None


def usage_of(
    input_tokens: int, cached_input_tokens: int, cache_write_tokens: int, output_tokens: int, reasoning_tokens: int
) -> Usage:
    return Usage(
        input_tokens=input_tokens,
        cache_read_tokens=cached_input_tokens,
        cache_write_tokens=cache_write_tokens,
        output_tokens=output_tokens,
        output_reasoning_tokens=reasoning_tokens,
    )


def find_model(provider: str, model: str, snapshot: DataSnapshot | None = None) -> tuple[Provider, ModelInfo] | None:
    """The catalogue's model; None when it does not know the provider or the model. Nothing is guessed from the name
    of the model alone, since a reseller's price is its own.
    """
    known = snapshot or get_snapshot()
    try:
        return known.find_provider_model(model, None, _PROVIDER_NAMES.get(provider.lower(), provider), None)
    except LookupError:
        return None


def catalogue_entry(provider: str, model: str, service_tier: str, at: datetime) -> CatalogueEntry:
    """What holds for the UTC day of `at`; None when the catalogue states no price for model and service tier."""
    found = find_model(provider, model)
    if found is None:
        return None
    info = found[1]
    context = _TIER_CONTEXT.get(service_tier)
    if context is not None and not _states_tier(info, context, at):
        return None
    if any(isinstance(constraint, TimeOfDateConstraint) for constraint in _constraints(info)):
        return Hourly(info, context)
    # Start dates are whole UTC days: any instant of the day has the day's price.
    return _card(info.get_prices(at.astimezone(UTC), context))


def _constraints(info: ModelInfo) -> Iterator[object]:
    if not isinstance(info.prices, ModelPrice):
        yield from (price.constraint for price in info.prices)
    yield from (variant.constraint for variant in info.price_variants or ())


def _states_tier(info: ModelInfo, context: dict[str, str], at: datetime) -> bool:
    return any(
        variant.when == context and (variant.constraint is None or variant.constraint.active(at))
        for variant in info.price_variants or ()
    )


def _card(price: ModelPrice) -> RateCard | CalculatedCard | None:
    stated = {key: value for key, value in vars(price).items() if value is not None}
    if not stated.keys() & {"input_mtok", "output_mtok", "requests_kcount"}:
        return None
    if any(key not in _FIELDS and not any(word in key for word in _NOT_REPORTED) for key in stated):
        return CalculatedCard(price)
    bounds = sorted(
        {0} | {tier.start for value in stated.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    )
    tiers = {
        bound: TokenPrices(
            **{field: _at_bound(stated[key], bound, key) for key, field in _FIELDS.items() if key in stated}
        )
        for bound in bounds
    }
    return rate_card(SOURCE, VERSION, tiers)


def _at_bound(price: Decimal | TieredPrices, bound: int, key: str) -> Decimal:
    amount = price
    if isinstance(price, TieredPrices):
        amount = price.base
        for tier in price.tiers:
            if bound >= tier.start:
                amount = tier.price
    if not isinstance(amount, Decimal):
        raise TypeError(f"a price of the catalogue is no Decimal: {key}")
    return amount / 1000 if key == "requests_kcount" else amount
