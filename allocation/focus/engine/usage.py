"""A charge for AI as usage: which meter its quantity is of, for which model. One row is one meter, so one event."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from allocation.focus.engine.cells import Cells
from allocation.focus.engine.columns import CUSTOM
from allocation.focus.engine.formats import key_value, time_text, unit_of
from allocation.focus.engine.reading import Charge
from allocation.focus.engine.values import AI, CURRENCIES

COUNT_MAX = 10**12
SECONDS_OF = {"hours": 3600, "minutes": 60, "seconds": 1}
ATTRIBUTE = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
NAME_MAX, VALUE_MAX, ATTRIBUTES_MAX = 128, 200, 32
TIERS = frozenset({"standard", "batch", "flex", "priority"})
PART = Decimal("0.000001")
# A part is counted in its whole too, as a usage event counts.
TOKEN_FIELDS: Mapping[str, tuple[str, ...]] = {
    "input": ("input",),
    "cached_input": ("input", "cached_input"),
    "cache_write": ("input", "cache_write"),
    "output": ("output",),
    "reasoning": ("output", "reasoning"),
}
METER_SUFFIX = re.compile(
    r"[-_./](?:cached[-_]input|cache[-_](?:read|write)|cached|input|output|reasoning)(?:[-_]tokens)?$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class NoUsage:
    """A charge for AI whose quantity cannot be counted. It stays a charge."""

    code: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class FocusCall:
    """What attribution asks of a charge, whether it is usage or not: the same that its usage event says."""

    provider: str
    model: str
    operation: str
    source: str
    service_tier: str
    attributes: dict[str, str]


def call_of(charge: Charge, *, source: str) -> FocusCall:
    row = charge.cells
    details = _details(row)
    tier = _said(row, details, "ProcessingTier").lower()
    return FocusCall(
        provider=_name(_provider(row)),
        model=_name(_model(row, details)),
        operation=_name(_said(row, details, "Operation") or _operation_of(_said(row, details, "Activity"))),
        source=source,
        service_tier=tier if tier in TIERS else "standard",
        attributes=attributes_of(charge),
    )


def is_ai(charge: Charge) -> bool:
    """By its category, or by being measured in tokens where those are no currency of the seller's."""
    row = charge.cells
    if row.text("ServiceCategory") == AI:
        return True
    currency = row.text("PricingCurrency")
    virtual = currency is not None and currency not in CURRENCIES
    return not virtual and any(_is_token(row.text(name)) for name in ("ConsumedUnit", "PricingUnit"))


def _is_token(unit: str | None) -> bool:
    return unit is not None and unit_of(unit)[1].lower() in {"token", "tokens"}


def usage_of(charge: Charge, *, event_id: str, source: str) -> dict[str, Any] | NoUsage | None:
    """A native usage event; None for a charge that used nothing (a purchase, a tax, a refund, an unused commitment)."""
    row = charge.cells
    if not is_ai(charge) or charge.category != "Usage" or charge.is_correction:
        return None
    if row.text("CommitmentDiscountStatus") == "Unused":
        return None
    quantity, unit = _quantity(row)
    if quantity is None and charge.effective == 0:
        return None
    if charge.effective < 0 or (quantity is not None and quantity < 0):
        return None
    details = _details(row)
    metered = _metered(row, details, quantity, unit)
    if isinstance(metered, NoUsage):
        return metered
    event: dict[str, Any] = {
        **asdict(call_of(charge, source=source)),
        "id": event_id,
        "occurred_at": time_text(charge.start),
        "cost": {"amount": format(charge.effective, "f"), "currency": charge.currency},
        **metered,
    }
    return event


def _quantity(row: Cells) -> tuple[Decimal | None, str]:
    """In single units: 8400000 of Tokens for 8.4 of "1000000 Tokens"."""
    for quantity, unit in (("ConsumedQuantity", "ConsumedUnit"), ("PricingQuantity", "PricingUnit")):
        number, text = row.number(quantity), row.text(unit)
        if number is not None and text is not None:
            times, name = unit_of(text)
            return number * times, name
    return None, ""


def _metered(row: Cells, details: Mapping[str, str], quantity: Decimal | None, unit: str) -> dict[str, Any] | NoUsage:
    word = unit.lower().replace("-", " ")
    if quantity is None:
        return {}
    if word in {"token", "tokens"}:
        return _tokens(row, details, quantity)
    if word in {"request", "requests"}:
        if not 1 <= quantity <= COUNT_MAX or quantity != quantity.to_integral_value():
            return NoUsage("not_a_count", "ConsumedQuantity", "Requests are counted in whole numbers from 1.")
        return {"requests": int(quantity)}
    seconds = SECONDS_OF.get(word.split(" ")[-1] if word else "", 0)
    if seconds and ("gpu" in word or "GpuCount" in details or "gpu" in (row.text("SkuMeter") or "").lower()):
        gpus = Decimal(1) if "gpu" in word else _count_of(details)
        return {"gpu_seconds": format((quantity * gpus * seconds).quantize(PART), "f")}
    # Images, characters, token-hours: nothing that usage counts. The cost is counted.
    return {}


def _count_of(details: Mapping[str, str]) -> Decimal:
    text = details.get("GpuCount", "1")
    return Decimal(text) if re.fullmatch(r"\d{1,4}", text) and text.strip("0") else Decimal(1)


def _tokens(row: Cells, details: Mapping[str, str], quantity: Decimal) -> dict[str, Any] | NoUsage:
    if quantity != quantity.to_integral_value() or quantity > COUNT_MAX:
        return NoUsage("not_a_count", "ConsumedQuantity", "Tokens are counted in whole numbers.")
    count = int(quantity)
    fields = TOKEN_FIELDS.get(token_kind(row, details) or "")
    if fields is None:
        return NoUsage(
            "token_kind_unknown",
            "SkuMeter",
            "SkuMeter, or TokenDirection in SkuPriceDetails, must say whether the tokens are input or output.",
        )
    return {"tokens": dict.fromkeys(fields, count)}


def token_kind(row: Cells, details: Mapping[str, str]) -> str | None:
    """The meter's own name decides; what the seller says beside it only where the meter says nothing."""
    meter = (row.text("SkuMeter") or "").lower()
    found = _kind_in(meter)
    if found is not None:
        return found
    direction = (details.get("TokenDirection") or details.get("TokenType") or "").lower()
    action = (details.get("TokenCacheAction") or "").lower()
    if action == "read" or direction == "cacheread":
        return "cached_input"
    if action == "write" or direction == "cachewrite":
        return "cache_write"
    if direction in {"input", "output"}:
        return direction
    texts = (row.text("SkuId"), row.text("SkuPriceId"), row.text("ChargeDescription"))
    return next((kind for text in texts if text and (kind := _kind_in(text.lower(), model=True)) is not None), None)


def _kind_in(text: str, *, model: bool = False) -> str | None:
    """`model`: the text names a model too, and "reasoning" may be a part of that name."""
    words = set(re.split(r"[^a-z0-9]+", text))
    if ("cache" in words and "write" in words) or "cache_write" in text:
        return "cache_write"
    if words & {"cached", "cache"}:
        return "cached_input"
    if not model and "reasoning" in words:
        return "reasoning"
    if words & {"output", "completion", "generated"}:
        return "output"
    return "input" if words & {"input", "prompt"} else None


def _details(row: Cells) -> dict[str, str]:
    """SkuPriceDetails, with and without x_."""
    text = row.text("SkuPriceDetails")
    found = {} if text is None else key_value(text)
    if isinstance(found, str):
        return {}
    return {key.removeprefix(CUSTOM): str(value) for key, value in found.items() if value is not None}


def _said(row: Cells, details: Mapping[str, str], name: str) -> str:
    return row.text(f"{CUSTOM}{name}") or details.get(name) or ""


def _operation_of(activity: str) -> str:
    """An operation of that activity, for a row that names no operation."""
    return {"retrieval": "retrieval", "orchestration": "orchestration", "training": "training", "other": "other"}.get(
        activity.lower(), "inference"
    )


def _provider(row: Cells) -> str:
    names = ("x_Provider", "ServiceProviderName", "ProviderName", "PublisherName", "InvoiceIssuerName")
    return next((text for name in names if (text := row.text(name))), "unknown")


def _model(row: Cells, details: Mapping[str, str]) -> str:
    """Without a model's own name that of the SKU, less the meter's part of it: its input and output are one model's."""
    said = row.text("x_ModelId") or details.get("ModelId")
    sku = METER_SUFFIX.sub("", row.text("SkuId") or "")
    return said or sku or row.text("SkuId") or row.text("ServiceName") or "unknown"


def _name(text: str) -> str:
    return CONTROL.sub(" ", text).strip()[:NAME_MAX] or "unknown"


FACTS = (
    ("sub_account", "SubAccountId"), ("sub_account_name", "SubAccountName"), ("billing_account", "BillingAccountId"),
    ("service", "ServiceName"), ("service_category", "ServiceCategory"), ("resource", "ResourceId"),
    ("region", "RegionId"), ("sku", "SkuId"),
)  # fmt: skip


def attributes_of(charge: Charge) -> dict[str, str]:
    """What attribution rules match: accounts, service and resource by name, and every tag as `tag.KEY`; a tag also
    by its bare key where that is not one of the names.
    """
    found = {name: text for name, column in FACTS if (text := charge.cells.text(column))}
    for key, value in charge.tags.items():
        found.setdefault(f"tag.{key}", value)
        found.setdefault(key, value)
    kept = {
        name: value
        for name, value in found.items()
        if ATTRIBUTE.fullmatch(name) and len(value) <= VALUE_MAX and not CONTROL.search(value)
    }
    return dict(list(kept.items())[:ATTRIBUTES_MAX])
