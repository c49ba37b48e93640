"""LiteLLM's price list, model_prices_and_context_window.json, as of LiteLLM 1.106: dollars per token and per unit.

A price that a service tier or a context tier of a model does not state is that of the service tier's base, else of the
standard base. LiteLLM itself takes that of the standard tier's long contexts for a service tier that
states none for them; here such tokens have no price, since the other tiers are not the standard one. Reasoning at the
price of output is left out, so that it follows the output price into every tier.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from allocation.meters.documents import METERS, PRICED_PER, SERVICE_TIERS, TOKEN_METERS, shifted
from allocation.prices.importers.price_lists import ImportedPriceList, UnmappedPrice, UnusableRow
from governance.errors import Invalid

STANDARD = "standard"
# By the suffix of a field. Every other suffix of one word is a tier of that name: vendors add them.
TIER_OF_SUFFIX = {None: STANDARD, "batches": "batch"}
# When several fields of a row state the same meter the first in this order counts, any price before a zero.
STEMS: Mapping[str, str] = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "input_cost_per_token_cache_hit": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "cache_read_input_audio_token_cost": "cached_audio_input",
    "output_cost_per_audio_token": "audio_output",
    "input_cost_per_image_token": "image_input",
    "output_cost_per_image_token": "image_output",
    "output_cost_per_image": "image",
    "input_cost_per_image": "image",
    "output_cost_per_pixel": "megapixel",
    "input_cost_per_pixel": "megapixel",
    "input_cost_per_character": "character",
    "output_cost_per_character": "character",
    "input_cost_per_audio_per_second": "audio_second",
    "output_cost_per_video_per_second": "video_second",
    "input_cost_per_video_per_second": "video_second",
    "ocr_cost_per_page": "page",
    "annotation_cost_per_page": "annotated_page",
    "search_context_cost_per_query": "web_search",
    "google_maps_grounding_cost_per_query": "map_search",
    "code_interpreter_cost_per_session": "session",
    "input_cost_per_text_message": "message",
    # One rerank, search or embedding call is one query.
    "input_cost_per_query": "request",
    "input_cost_per_request": "request",
}
# The meter of a price per second, by the model's mode; whisper states the same price for input and output.
SECONDS = {
    "audio_transcription": "audio_second",
    "audio_speech": "audio_second",
    "realtime": "audio_second",
    "video_generation": "video_second",
}
PER_SECOND = ("input_cost_per_second", "output_cost_per_second")
# The longest stem first: `_token` behind `input_cost_per_image` is no tier.
_STEM = "|".join(sorted((*STEMS, *PER_SECOND), key=len, reverse=True))
FIELD = re.compile(rf"(?P<stem>{_STEM})(?P<hour>_above_1hr)?(?:_above_(?P<above>\d+)k_tokens)?(?:_(?P<tier>[a-z]+))?")
_PROVIDERS = {"bedrock_converse": "bedrock", "fireworks_ai-embedding-models": "fireworks_ai"}
_REASONS = (
    (re.compile(r".*_cost_per_(second|image)_\d.*"), "a price by resolution: the price without one is taken"),
    (re.compile(r".*cost_per_second"), "a price of reserved capacity, not of a call"),
    (re.compile(r".*_dbu_.*"), "a price in Databricks units: the price in dollars is taken"),
    (re.compile(r".*_multiplier.*"), "a surcharge by region: give the region a price of its own"),
    (
        re.compile(r"(cache_read|cache_creation)_input_(audio|image)_.*"),
        "cached tokens are counted together, whatever their kind",
    ),
    (re.compile(r".*_above_\d+s_interval"), "a price by the length of one video: the base price is taken"),
    (
        re.compile(r"off_peak_pricing"),
        "a price by the hour of the day: give these hours an entry of their own (`hours`, `zone`)",
    ),
)
NO_METER = "there is no meter for it"
_PRICED = re.compile(r".*(cost|pricing|multiplier).*")


@dataclass(slots=True)
class _Row:
    """Prices by (service tier, bound in tokens, meter), and the fields without a meter, with the reason."""

    stated: dict[tuple[str, int, str], Decimal] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def state(self, tier: str, above: int, meter: str, price: Decimal) -> None:
        earlier = self.stated.get((tier, above, meter))
        if not earlier:
            self.stated[tier, above, meter] = price

    @property
    def tiers(self) -> list[str]:
        """The usual ones first."""
        stated = {tier for tier, _, _ in self.stated}
        return [*(tier for tier in SERVICE_TIERS if tier in stated), *sorted(stated.difference(SERVICE_TIERS))]

    def bounds(self, tier: str) -> list[int]:
        """The standard tier's bounds hold in the others too."""
        return sorted({0} | {above for row_tier, above, _ in self.stated if row_tier in {tier, STANDARD}})

    def entry(self, tier: str, above: int) -> dict[str, Decimal]:
        prices: dict[str, Decimal] = {}
        for meter in METERS:
            if self._is_unstated(tier, above, meter):
                continue
            fallbacks = dict.fromkeys(((tier, above), (STANDARD, above), (tier, 0), (STANDARD, 0)))
            price = next(
                (self.stated[*fallback, meter] for fallback in fallbacks if (*fallback, meter) in self.stated), None
            )
            if price is not None:
                prices[meter] = price
        if self.reasoning_is_output:
            prices.pop("reasoning", None)
        return prices

    def _is_unstated(self, tier: str, above: int, meter: str) -> bool:
        """Whether the standard tier has another price for these tokens above the bound and this tier has none."""
        return (
            above > 0
            and tier != STANDARD
            and meter in TOKEN_METERS
            and (STANDARD, above, meter) in self.stated
            and (tier, above, meter) not in self.stated
        )

    @property
    def reasoning_is_output(self) -> bool:
        reasoning = {place[:2]: price for place, price in self.stated.items() if place[2] == "reasoning"}
        return bool(reasoning) and all(
            self.stated.get((*place, "output")) == price for place, price in reasoning.items()
        )


def read_litellm(
    text: str, *, effective_from: datetime, providers: Mapping[str, str] | None = None, zero_prices: bool = False
) -> ImportedPriceList:
    """Entries for every model whose provider is among `providers`, which maps provider names to the names to use (all
    providers, unrenamed, without it). Rows with only zeros are left out unless `zero_prices`: LiteLLM writes 0 for free
    and for unknown alike. Raises Invalid (`malformed_json`, `not_an_object`).
    """
    try:
        listed = json.loads(text, parse_float=Decimal)
    except ValueError as problem:
        raise Invalid(f"The file is not JSON: {problem}.", code="malformed_json") from problem
    if not isinstance(listed, dict):
        raise Invalid("LiteLLM's price list must be a JSON object with one entry per model.", code="not_an_object")
    price_list = ImportedPriceList()
    taken: dict[tuple[str, str], str] = {}
    # Names that begin with their provider go first: calls of the provider are priced by them.
    for name, row in sorted(listed.items(), key=lambda item: not _is_prefixed(*item)):
        provider = _provider(row)
        if providers and provider not in providers:
            continue
        price_list.rows += 1
        if fault := _fault(name, row):
            price_list.unusable.append(UnusableRow(name, fault))
            continue
        model = name.removeprefix(f"{provider}/")
        if earlier_name := taken.get((provider, model)):
            price_list.unusable.append(UnusableRow(name, f"is the same model as {earlier_name}, whose price is taken"))
            continue
        price_name = (providers or {}).get(provider) or provider
        if _add_row(price_list, name, (price_name, model), read_row(row), effective_from, zero_prices=zero_prices):
            taken[provider, model] = name
    return price_list


def _fault(name: str, row: object) -> str:
    if not isinstance(row, dict):
        return "is not an object"
    if name == "sample_spec":
        return "is the list's sample entry"
    if not isinstance(row.get("litellm_provider"), str):
        return "names no provider (litellm_provider)"
    return ""


def _provider(row: object) -> str:
    """The provider's name in LiteLLM's calls, where its list splits Vertex AI and Bedrock into model families."""
    named = row.get("litellm_provider") if isinstance(row, dict) else None
    if not isinstance(named, str):
        return ""
    return "vertex_ai" if named.startswith("vertex_ai-") else _PROVIDERS.get(named, named)


def _is_prefixed(name: str, row: object) -> bool:
    return name.startswith(f"{_provider(row)}/")


def _add_row(
    price_list: ImportedPriceList,
    name: str,
    provider_and_model: tuple[str, str],
    row: _Row,
    effective_from: datetime,
    *,
    zero_prices: bool,
) -> bool:
    if not row.stated:
        reason = f"states no price that a meter stands for ({', '.join(sorted({part for part, _ in row.left_out}))})"
        price_list.unusable.append(UnusableRow(name, reason if row.left_out else "states no price"))
        return False
    if not zero_prices and not any(row.stated.values()):
        price_list.unusable.append(
            UnusableRow(name, "states 0 for everything, which means free or unknown (--zero-prices takes it)")
        )
        return False
    entries: list[dict[str, Any]] = [
        {
            "provider": provider_and_model[0],
            "model": provider_and_model[1],
            "service_tier": tier,
            "effective_from": effective_from,
            "above_input_tokens": above,
            **prices,
        }
        for tier in row.tiers
        for above in row.bounds(tier)
        if (prices := row.entry(tier, above))
    ]
    if not price_list.add_row(name, entries):
        return False
    price_list.left_out.extend(UnmappedPrice(name, part, reason) for part, reason in row.left_out)
    return True


def read_row(row: Mapping[str, Any]) -> _Row:
    """The prices that a model's row states. When several fields state one meter, a price counts before a zero."""
    prices = _Row()
    per_second = SECONDS.get(str(row.get("mode")), "")
    stems = {**STEMS, **dict.fromkeys(PER_SECOND, per_second)} if per_second else STEMS
    ordered_stems = list(stems)
    parts = [(name, match) for name in row if (match := FIELD.fullmatch(name)) and match["stem"] in stems]
    for name, match in sorted(parts, key=lambda part: ordered_stems.index(part[1]["stem"])):
        _read_field(prices, name, match, row[name], stems[match["stem"]])
    price_fields = {name for name, _ in parts}
    for name in row:
        if name == "tiered_pricing":
            _read_tiers(prices, row[name])
        elif name not in price_fields and _PRICED.fullmatch(name) and row[name]:
            prices.left_out.append((name, _reason(name)))
    return prices


def _read_field(prices: _Row, name: str, match: re.Match[str], value: object, meter: str) -> None:
    if isinstance(value, dict):
        if len(set(value.values())) > 1:
            prices.left_out.append((name, "a price by the size of the search: the medium size is taken"))
        value = value.get("search_context_size_medium")
    if not isinstance(value, Decimal | int) or isinstance(value, bool):
        prices.left_out.append((name, "is not a number"))
        return
    if match["hour"]:
        meter = "cache_write_1h" if meter == "cache_write" else meter
    above = int(match["above"] or 0) * 1000
    tier = TIER_OF_SUFFIX.get(match["tier"], match["tier"])
    prices.state(tier, above, meter, per_unit(Decimal(value), name, meter))


def per_unit(price: Decimal, name: str, meter: str) -> Decimal:
    """The price of the meter's unit, from one per token, character, pixel or piece."""
    return shifted(price, 6) if PRICED_PER[meter] > 1 or "pixel" in name else price


def _read_tiers(prices: _Row, tiers: object) -> None:
    """Prices by the range of input tokens that they apply to."""
    if not isinstance(tiers, list):
        prices.left_out.append(("tiered_pricing", "is not a list"))
        return
    for tier in tiers:
        if not isinstance(tier, dict) or "range" not in tier:
            prices.left_out.append(("tiered_pricing", "a price by the number of results"))
            return
        above = int(tier["range"][0])
        for name, value in tier.items():
            if name in STEMS:
                prices.state(STANDARD, above, STEMS[name], per_unit(Decimal(value), name, STEMS[name]))


def _reason(name: str) -> str:
    return next((reason for pattern, reason in _REASONS if pattern.fullmatch(name)), NO_METER)


def by_reason(left_out: Iterable[UnmappedPrice]) -> dict[str, list[UnmappedPrice]]:
    """Prices without a meter grouped by reason, the most frequent reason first."""
    grouped: dict[str, list[UnmappedPrice]] = {}
    for price in left_out:
        grouped.setdefault(price.reason, []).append(price)
    return dict(sorted(grouped.items(), key=lambda item: -len(item[1])))
