"""LiteLLM's price list, model_prices_and_context_window.json, seen with 1.106: dollars per token and per unit.

What a service tier or a context tier of a model does not state costs what it costs without the tier, as LiteLLM itself
counts: first the context tier in the standard service tier, then the service tier's base, then the base of all.
Reasoning that costs what output costs is not written down, so that it follows output into every tier.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from allocation.meters.documents import METERS, PRICED_PER, shifted
from allocation.prices.importers.price_lists import LeftOut, PriceList, Unusable
from governance.errors import Invalid

FIELD = re.compile(
    r"(?P<stem>.+?)(?P<hour>_above_1hr)?(?:_above_(?P<above>\d+)k_tokens)?(?:_(?P<tier>batches|flex|priority))?"
)
SERVICE_TIERS = {None: "standard", "batches": "batch", "flex": "flex", "priority": "priority"}
STANDARD = "standard"
# In the order in which a row's fields are asked when several state the same meter; a zero is asked last.
STEMS: Mapping[str, str] = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "input_cost_per_token_cache_hit": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
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
# Seconds of what, by the model's mode; whisper states the same price for input and output.
SECONDS = {
    "audio_transcription": "audio_second",
    "audio_speech": "audio_second",
    "realtime": "audio_second",
    "video_generation": "video_second",
}
PER_SECOND = ("input_cost_per_second", "output_cost_per_second")
_PROVIDERS = {"bedrock_converse": "bedrock", "fireworks_ai-embedding-models": "fireworks_ai"}
_REASONS = (
    (re.compile(r".*_cost_per_(second|image)_\d.*"), "a price by resolution: the price without one is taken"),
    (re.compile(r".*cost_per_second"), "seconds of reserved capacity: what is reserved is no price of a call"),
    (re.compile(r".*_(balanced|ultrafast|decisions)"), "there is no such service tier"),
    (re.compile(r".*_dbu_.*"), "in Databricks units: the price in dollars is taken"),
    (re.compile(r".*_multiplier.*"), "a surcharge by region: give the region a price of its own"),
    (re.compile(r"(cache_read|cache_creation)_input_(audio|image)_.*"), "cached tokens are counted without their kind"),
    (re.compile(r".*_above_\d+s_interval"), "a price by the length of one video: the base price is taken"),
    (re.compile(r"off_peak_pricing"), "a price by the hour of the day: the price of the other hours is taken"),
)
NO_METER = "there is no meter for it"
_PRICED = re.compile(r".*(cost|pricing|multiplier).*")


@dataclass(slots=True)
class _Row:
    """Prices by (service tier, bound in tokens, meter), and what no meter stands for."""

    stated: dict[tuple[str, int, str], Decimal] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def state(self, tier: str, above: int, meter: str, price: Decimal) -> None:
        known = self.stated.get((tier, above, meter))
        if not known:
            self.stated[tier, above, meter] = price

    def bounds(self, tier: str) -> list[int]:
        """The standard tier's bounds hold in the others too."""
        return sorted({0} | {above for known, above, _ in self.stated if known in {tier, STANDARD}})

    def entry(self, tier: str, above: int) -> dict[str, Decimal]:
        prices: dict[str, Decimal] = {}
        for meter in METERS:
            places = dict.fromkeys(((tier, above), (STANDARD, above), (tier, 0), (STANDARD, 0)))
            price = next((self.stated[*place, meter] for place in places if (*place, meter) in self.stated), None)
            if price is not None:
                prices[meter] = price
        if self.reasoning_is_output:
            prices.pop("reasoning", None)
        return prices

    @property
    def reasoning_is_output(self) -> bool:
        reasoning = {place[:2]: price for place, price in self.stated.items() if place[2] == "reasoning"}
        return bool(reasoning) and all(
            self.stated.get((*place, "output")) == price for place, price in reasoning.items()
        )


def read_litellm(
    text: str, *, effective_from: datetime, providers: Mapping[str, str] | None = None, zero_prices: bool = False
) -> PriceList:
    """Entries for every model whose provider is among `providers` (all without it), which maps names to the names they
    get. Rows of nothing but zeros are left out unless `zero_prices`: LiteLLM writes 0 for free and for unknown alike.
    """
    try:
        listed = json.loads(text, parse_float=Decimal)
    except ValueError as problem:
        raise Invalid(f"The file is no JSON: {problem}.", code="malformed_json") from problem
    if not isinstance(listed, dict):
        raise Invalid("A price list of LiteLLM is an object of models.", code="not_an_object")
    found = PriceList()
    taken: dict[tuple[str, str], str] = {}
    # A name that begins with its provider is what a call of that provider is priced by.
    for name, row in sorted(listed.items(), key=lambda item: not _is_prefixed(*item)):
        provider = _provider(row)
        if providers and provider not in providers:
            continue
        found.rows += 1
        if fault := _fault(name, row):
            found.unusable.append(Unusable(name, fault))
            continue
        model = name.removeprefix(f"{provider}/")
        if other := taken.get((provider, model)):
            found.unusable.append(Unusable(name, f"is the same model as {other}, whose price is taken"))
            continue
        named = (providers or {}).get(provider) or provider
        if _take(found, name, (named, model), read_row(row), effective_from, zero_prices=zero_prices):
            taken[provider, model] = name
    return found


def _fault(name: str, row: object) -> str:
    if not isinstance(row, dict):
        return "is no object"
    if name == "sample_spec":
        return "is the list's description of itself"
    if not isinstance(row.get("litellm_provider"), str):
        return "names no provider (litellm_provider)"
    return ""


def _provider(row: object) -> str:
    """The name that LiteLLM's calls carry: its list tells the model families of Vertex AI and Bedrock apart."""
    named = row.get("litellm_provider") if isinstance(row, dict) else None
    if not isinstance(named, str):
        return ""
    return "vertex_ai" if named.startswith("vertex_ai-") else _PROVIDERS.get(named, named)


def _is_prefixed(name: str, row: object) -> bool:
    return name.startswith(f"{_provider(row)}/")


def _take(
    found: PriceList, name: str, key: tuple[str, str], row: _Row, effective_from: datetime, *, zero_prices: bool
) -> bool:
    if not row.stated:
        why = f"states no price that a meter stands for ({', '.join(sorted({part for part, _ in row.left_out}))})"
        found.unusable.append(Unusable(name, why if row.left_out else "states no price"))
        return False
    if not zero_prices and not any(row.stated.values()):
        found.unusable.append(
            Unusable(name, "states 0 for everything, which means free or unknown (--zero-prices takes it)")
        )
        return False
    entries: list[dict[str, Any]] = [
        {
            "provider": key[0],
            "model": key[1],
            "service_tier": tier,
            "effective_from": effective_from,
            "above_input_tokens": above,
            **row.entry(tier, above),
        }
        for tier in dict.fromkeys(
            tier for tier in SERVICE_TIERS.values() if tier in {known for known, _, _ in row.stated}
        )
        for above in row.bounds(tier)
    ]
    if not found.take(name, entries):
        return False
    found.left_out.extend(LeftOut(name, part, reason) for part, reason in row.left_out)
    return True


def read_row(row: Mapping[str, Any]) -> _Row:
    """Zeros are stated last, so that of several fields for one meter the one that says something counts."""
    found = _Row()
    per_second = SECONDS.get(str(row.get("mode")), "")
    stems = {**STEMS, **dict.fromkeys(PER_SECOND, per_second)} if per_second else STEMS
    order = list(stems)
    parts = [(name, match) for name in row if (match := FIELD.fullmatch(name)) and match["stem"] in stems]
    for name, match in sorted(parts, key=lambda part: order.index(part[1]["stem"])):
        _read_field(found, name, match, row[name], stems[match["stem"]])
    read = {name for name, _ in parts}
    for name in row:
        if name == "tiered_pricing":
            _read_tiers(found, row[name])
        elif name not in read and _PRICED.fullmatch(name) and row[name]:
            found.left_out.append((name, _reason(name)))
    return found


def _read_field(found: _Row, name: str, match: re.Match[str], value: object, meter: str) -> None:
    if isinstance(value, dict):
        if len(set(value.values())) > 1:
            found.left_out.append((name, "a price by the size of the search: that of medium is taken"))
        value = value.get("search_context_size_medium")
    if not isinstance(value, Decimal | int) or isinstance(value, bool):
        found.left_out.append((name, "is no number"))
        return
    if match["hour"]:
        meter = "cache_write_1h" if meter == "cache_write" else meter
    above = int(match["above"] or 0) * 1000
    found.state(SERVICE_TIERS[match["tier"]], above, meter, per_unit(Decimal(value), name, meter))


def per_unit(price: Decimal, name: str, meter: str) -> Decimal:
    """A price per token, character or pixel as one per million of them."""
    return shifted(price, 6) if PRICED_PER[meter] > 1 or "pixel" in name else price


def _read_tiers(found: _Row, tiers: object) -> None:
    """A list of prices by the range of input tokens that they hold for."""
    if not isinstance(tiers, list):
        found.left_out.append(("tiered_pricing", "is no list"))
        return
    for tier in tiers:
        if not isinstance(tier, dict) or "range" not in tier:
            found.left_out.append(("tiered_pricing", "a price by the number of results"))
            return
        above = int(tier["range"][0])
        for name, value in tier.items():
            if name in STEMS:
                found.state(STANDARD, above, STEMS[name], per_unit(Decimal(value), name, STEMS[name]))


def _reason(name: str) -> str:
    return next((reason for pattern, reason in _REASONS if pattern.fullmatch(name)), NO_METER)


def by_reason(left_out: Iterable[LeftOut]) -> dict[str, list[LeftOut]]:
    """The commonest reason first."""
    found: dict[str, list[LeftOut]] = {}
    for each in left_out:
        found.setdefault(each.reason, []).append(each)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))
