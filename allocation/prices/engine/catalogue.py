"""The dated catalogue, genai-prices, as rate cards. Its own `calc_price` prices what a card cannot express."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

import genai_prices
from genai_prices.data_snapshot import DataSnapshot, find_provider_by_id, get_snapshot
from genai_prices.types import (
    ClauseEquals,
    ClauseOr,
    ModelInfo,
    ModelPrice,
    Provider,
    TieredPrices,
    TimeOfDateConstraint,
    Usage,
)

from allocation.meters.documents import EXACT, TOKEN_METERS, shifted
from allocation.prices.engine.catalogue_history import (
    NOTHING_EARLIER,
    Context,
    EarlierPrices,
    Listed,
    Statement,
    in_force,
)
from allocation.prices.engine.exchange import QUOTIENT_STEP, Rate
from allocation.prices.engine.price_books import ALIAS, EXACT_NAME, PATTERN, PriceMatch, Tiers, converted
from allocation.prices.engine.rates import RareQuantities, RateCard, rate_card

SOURCE = "genai-prices"
VERSION = genai_prices.__version__
CURRENCY = "USD"
STANDARD = "standard"

_FIELDS = {
    "input_mtok": "input",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "input_audio_mtok": "audio_input",
    "cache_audio_read_mtok": "cached_audio_input",
    "output_audio_mtok": "audio_output",
    "input_image_mtok": "image_input",
    "output_image_mtok": "image_output",
    "requests_kcount": "request",
    "web_searches_kcount": "web_search",
    "storage_searches_kcount": "file_search",
    "input_document_kpages": "page",
    "input_annotated_document_kpages": "annotated_page",
    "input_text_messages_kcount": "message",
    "input_mchars": "character",
    "audio_hours": "audio_second",
    "input_audio_hours": "audio_second",
}
_PER_HOUR = frozenset({"audio_hours", "input_audio_hours"})
HOUR_S = 3600
# Priced quantities that a usage event does not carry, so that nothing is charged for them.
_NOT_REPORTED = (
    "audio", "image", "video", "text", "social_searches", "rerank", "citation", "cache_write_5m", "gpixels",
    "code_executions", "tool",
)  # fmt: skip
# genai-prices' names for the rare meters of a usage event.
_USAGE = {
    "cache_write_1h": "cache_write_1h_tokens",
    "audio_input": "input_audio_tokens",
    "audio_output": "output_audio_tokens",
    "image_input": "input_image_tokens",
    "image_output": "output_image_tokens",
    "web_search": "web_searches",
    "file_search": "storage_searches",
    "page": "input_document_pages",
    "annotated_page": "input_annotated_document_pages",
    "message": "input_text_messages",
    "character": "input_characters",
    "audio_second": "audio_seconds",
}
# genai-prices asks for the overlap of these kinds of tokens, which do not overlap in a usage event.
_OVERLAPS = {
    "audio_input": ("cache_audio_read_tokens", "cache_audio_write_tokens"),
    "cached_audio_input": ("cache_audio_write_tokens",),
    "image_input": ("cache_image_read_tokens", "cache_image_write_tokens"),
    "audio_output": ("output_audio_reasoning_tokens",),
    "image_output": ("output_image_reasoning_tokens",),
}
NO_RARE_QUANTITIES: RareQuantities = {}
# Of a tier that providers name differently, the first that the catalogue states for the model holds.
_TIER_CONTEXTS: Mapping[str, Sequence[Context]] = {
    "batch": ({"processing": "batch"},),
    "flex": ({"service_tier": "flex"},),
    "priority": ({"service_tier": "priority"},),
    "fast": ({"speed": "fast"}, {"service_tier": "fast"}),
}
# Provider names of gateways that the catalogue's own matching does not know.
_PROVIDER_NAMES = {"azure_ai": "azure", "fireworks_ai": "fireworks", "bedrock_converse": "aws", "xai": "x-ai"}
# Providers of the catalogue that serve models of their own making; the others resell.
_MAKERS = frozenset((
    "anthropic", "cohere", "deepseek", "elevenlabs", "google", "meta", "minimax", "mistral", "moonshotai", "openai",
    "perplexity", "voyageai", "x-ai", "zhipuai",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class CalculatedCard:
    """A price that a rate card cannot express: genai-prices itself calculates the cost of each record."""

    price: ModelPrice
    rate: Rate | None = None
    source: str = SOURCE
    release: str = VERSION

    @property
    def version(self) -> str:
        """The catalogue's version, with the exchange rate where one was applied."""
        return _version(self.release, self.rate)

    def cost(self, usage: Usage) -> Decimal:
        """Cost in the currency that `rate` leads to, US dollars without one; unrounded."""
        total: Decimal = self.price.calc_price(usage)["total_price"]
        return self.rate.convert(total) if self.rate else total

    def without_rate(self, rare: RareQuantities) -> tuple[str, ...]:
        """The rare meters that the catalogue states no rate for."""
        stated = {_FIELDS[key] for key in _stated(self.price) if key in _FIELDS}
        return tuple(meter for meter in rare if meter not in stated)


@dataclass(frozen=True, slots=True)
class TimeOfDayPrice:
    """A model whose price depends on the time of day: the card is looked up for each record."""

    model: ModelInfo
    context: Context
    rate: Rate | None = None
    release: str = VERSION

    def at(self, at: datetime) -> "RateCard | CalculatedCard | None":
        """The price at that instant; None when the catalogue states none."""
        return _card_at(Listed(self.release, self.model, self.context), at, self.rate)


CatalogueEntry = RateCard | CalculatedCard | TimeOfDayPrice | None


def usage_of(
    input_tokens: int,
    cached_input_tokens: int,
    cache_write_tokens: int,
    output_tokens: int,
    reasoning_tokens: int,
    rare: RareQuantities = NO_RARE_QUANTITIES,
) -> Usage:
    """Token counts and rare quantities as genai-prices takes them."""
    overlapping = {key: 0 for meter in rare for key in _OVERLAPS.get(meter, ())}
    quantities = {_USAGE[meter]: quantity for meter, quantity in rare.items() if meter in _USAGE}
    if cached := rare.get("cached_audio_input"):
        quantities |= {"cache_audio_read_tokens": cached, "input_audio_tokens": cached + rare.get("audio_input", 0)}
    return Usage(
        input_tokens=input_tokens,
        cache_read_tokens=cached_input_tokens,
        cache_write_tokens=cache_write_tokens,
        output_tokens=output_tokens,
        output_reasoning_tokens=reasoning_tokens,
        **overlapping | quantities,
    )


def find_model(provider: str, model: str, snapshot: DataSnapshot | None = None) -> tuple[Provider, ModelInfo] | None:
    """The catalogue's model; None when it does not know the provider or the model. The model's name alone decides
    nothing, since a reseller has prices of its own.
    """
    catalogue = snapshot or get_snapshot()
    try:
        return catalogue.find_provider_model(model, None, _PROVIDER_NAMES.get(provider.lower(), provider), None)
    except LookupError:
        return None


@lru_cache(maxsize=10_000)
def catalogue_match(provider: str, model: str) -> PriceMatch | None:
    """The model that `find_model` finds, and whether by its own name, by another that the catalogue lists, or by a
    pattern. What only an earlier release priced is not named.
    """
    known = find_model(provider, model)
    if known is None:
        return None
    maker, info = known
    name = model.lower()
    if (maker.id, info.id) == (provider, name):
        how = EXACT_NAME
    else:
        how = ALIAS if info.id == name or _lists(info.match, name) else PATTERN
    return PriceMatch(SOURCE, f"{maker.id}/{info.id}", how)


def _lists(logic: object, name: str) -> bool:
    """Whether the name stands in the catalogue's match logic as it is."""
    if isinstance(logic, ClauseOr):
        return any(_lists(clause, name) for clause in logic.or_)
    return isinstance(logic, ClauseEquals) and logic.equals.lower() == name


def maker_of(model: str) -> str | None:
    """The provider whose own model bears this name, as the catalogue writes it; None for a name it cannot place. For a
    call of which nobody says who served it.
    """
    catalogue = get_snapshot()
    try:
        return catalogue.find_provider_model(model, None, None, None)[0].id
    except LookupError:
        makers = {
            provider.id for provider in catalogue.providers if provider.id in _MAKERS and provider.find_model(model)
        }
        return makers.pop() if len(makers) == 1 else None


def catalogue_entry(
    provider: str,
    model: str,
    service_tier: str,
    at: datetime,
    rate: Rate | None = None,
    earlier: EarlierPrices = NOTHING_EARLIER,
) -> CatalogueEntry:
    """What holds for the UTC day of `at`, in the currency that `rate` leads to; None when the catalogue states no price
    for the model in the service tier. On a day of `catalogue_edges` it holds until the next of them only.
    """
    listed = _listed(provider, model, service_tier, at, earlier)
    if listed is None:
        return None
    if any(isinstance(constraint, TimeOfDateConstraint) for constraint in _constraints(listed.model)):
        return TimeOfDayPrice(listed.model, listed.context, rate, listed.version)
    # Start dates are whole UTC days: any instant of the day has the day's price.
    return _card_at(listed, at.astimezone(UTC), rate)


def catalogue_tiers(
    provider: str, model: str, service_tier: str, at: datetime, earlier: EarlierPrices = NOTHING_EARLIER
) -> Tiers:
    """As `catalogue_entry`, but prices in US dollars by context tier and meter; empty when it states none."""
    listed = _listed(provider, model, service_tier, at, earlier)
    if listed is None:
        return {}
    price = listed.model.get_prices(at.astimezone(UTC), listed.context)
    return stated_tiers(_stated(price), _unstated_bounds(listed.model.get_prices(at.astimezone(UTC)), price))


def catalogue_edges(provider: str, model: str, earlier: EarlierPrices) -> Iterator[datetime]:
    """Instants at which a newer release of the catalogue may have changed the model's price."""
    for statement in _statements(provider, model, earlier):
        if statement.until is not None:
            yield statement.until


def _listed(provider: str, model: str, service_tier: str, at: datetime, earlier: EarlierPrices) -> Listed | None:
    contexts = (None,) if service_tier == STANDARD else _TIER_CONTEXTS.get(service_tier, ())
    return in_force(_statements(provider, model, earlier), contexts, at)


def _statements(provider: str, model: str, earlier: EarlierPrices) -> list[Statement]:
    """What releases of the catalogue say of the model, the oldest first and the one in use last."""
    found = find_model(provider, model)
    now = [] if found is None else [Statement(VERSION, found[1], None)]
    if not earlier.by_model:
        return now
    known = find_provider_by_id(get_snapshot().providers, _PROVIDER_NAMES.get(provider.lower(), provider))
    if found is not None:
        known = found[0]
    if known is None:
        return list(earlier.of(provider.lower(), model, None, ()))
    return [*earlier.of(known.id, model, found and found[1], known.models), *now]


def _stated(price: ModelPrice) -> dict[str, Decimal | TieredPrices]:
    return {key: value for key, value in vars(price).items() if value is not None}


def _constraints(info: ModelInfo) -> Iterator[object]:
    if not isinstance(info.prices, ModelPrice):
        yield from (price.constraint for price in info.prices)
    yield from (variant.constraint for variant in info.price_variants or ())


def _card_at(listed: Listed, at: datetime, rate: Rate | None) -> RateCard | CalculatedCard | None:
    price = listed.model.get_prices(at, listed.context)
    stated = _stated(price)
    if not stated.keys() & _FIELDS.keys():
        return None
    if any(key not in _FIELDS and not any(word in key for word in _NOT_REPORTED) for key in stated):
        return CalculatedCard(price, rate, release=listed.version)
    tiers = converted(stated_tiers(stated, _unstated_bounds(listed.model.get_prices(at), price)), rate)
    return rate_card(SOURCE, _version(listed.version, rate), tiers, substitutes=False)


def _version(release: str, rate: Rate | None) -> str:
    return f"{release} {rate.name}" if rate else release


def _unstated_bounds(standard: ModelPrice, price: ModelPrice) -> set[int]:
    """Bounds above which the standard service tier has a price of its own and this one does not say which."""
    flat = {key for key, amount in _stated(price).items() if not isinstance(amount, TieredPrices)}
    return {
        tier.start
        for key, amount in _stated(standard).items()
        if isinstance(amount, TieredPrices) and key in flat
        for tier in amount.tiers
    }


def stated_tiers(stated: Mapping[str, Decimal | TieredPrices], unstated: Collection[int] = ()) -> Tiers:
    """Prices by the lower bound of their context tier, in input tokens, and by meter. Above a bound of `unstated`
    tokens have none.
    """
    bounds = sorted(
        {0, *unstated}
        | {tier.start for amount in stated.values() if isinstance(amount, TieredPrices) for tier in amount.tiers}
    )
    return {
        bound: {
            meter: _at_bound(stated[key], bound, key)
            for key, meter in _FIELDS.items()
            if key in stated and not (bound in unstated and meter in TOKEN_METERS)
        }
        for bound in bounds
    }


def _at_bound(price: Decimal | TieredPrices, bound: int, key: str) -> Decimal:
    amount = price
    if isinstance(price, TieredPrices):
        amount = price.base
        for tier in price.tiers:
            if bound >= tier.start:
                amount = tier.price
    if not isinstance(amount, Decimal):
        raise TypeError(f"a price of the catalogue is not a Decimal: {key}")
    if key in _PER_HOUR:
        return _WIDE.divide(amount, Decimal(HOUR_S)).quantize(QUOTIENT_STEP, context=_WIDE)
    return shifted(amount, -3) if "_k" in key else amount


_WIDE = EXACT.copy()
_WIDE.clear_traps()
