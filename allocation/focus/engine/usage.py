"""A charge for AI as usage: the meter of its quantity and the model it is for. One row is one meter, so one event."""

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
from allocation.meters.documents import ATTRIBUTE_NAME_MAX, IDENTIFIER_MAX, LABEL_MAX, fitted, tier_name

COUNT_MAX = 10**12
COUNTED = frozenset({"Usage", "Credit", "Adjustment"})
SECONDS_OF = {"hours": 3600, "minutes": 60, "seconds": 1}
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
NAME_MAX = 128
PART = Decimal("0.000001")
# As in a usage event, a part is also counted in its whole.
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
class UncountedCharge:
    """Why the quantity of a charge for AI cannot be counted. It remains a charge."""

    code: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class FocusCall:
    """What attribution rules read of a charge, the same as of its usage event."""

    provider: str
    model: str
    operation: str
    source: str
    service_tier: str
    attributes: dict[str, str]


def call_of(charge: Charge, *, source: str) -> FocusCall:
    """The charge as attribution rules read it, whether it is usage or not."""
    row = charge.cells
    details = _details(row)
    return FocusCall(
        provider=_name(_provider(row)),
        model=_name(_model(row, details)),
        operation=_name(_stated(row, details, "Operation") or _operation_of(_stated(row, details, "Activity"))),
        source=source,
        service_tier=fitted(tier_name(_stated(row, details, "ProcessingTier")), LABEL_MAX),
        attributes=attributes_of(charge),
    )


def is_ai(charge: Charge) -> bool:
    """By service category, or by a token unit, unless tokens are a currency of the seller."""
    row = charge.cells
    if row.text("ServiceCategory") == AI:
        return True
    currency = row.text("PricingCurrency")
    virtual = currency is not None and currency not in CURRENCIES
    return not virtual and any(_is_token(row.text(name)) for name in ("ConsumedUnit", "PricingUnit"))


def _is_token(unit: str | None) -> bool:
    return unit is not None and unit_of(unit)[1].lower() in {"token", "tokens"}


def usage_of(charge: Charge, *, event_id: str, source: str) -> dict[str, Any] | UncountedCharge | None:
    """A native usage event; why it cannot be counted; or None for a charge that changes no cost of usage: a purchase, a
    tax, an unused commitment. Where `is_money_alone`, the event has its cost alone.
    """
    row = charge.cells
    if not is_ai(charge) or charge.category not in COUNTED:
        return None
    if row.text("CommitmentDiscountStatus") == "Unused":
        return None
    quantity, unit = _quantity(row)
    if charge.effective == 0 and (quantity is None or is_money_alone(charge)):
        return None
    if charge.effective > 0 and quantity is not None and quantity < 0 and not charge.is_correction:
        return None
    metered = {} if is_money_alone(charge) else _metered(row, _details(row), quantity, unit)
    if isinstance(metered, UncountedCharge):
        return metered
    event: dict[str, Any] = {
        **asdict(call_of(charge, source=source)),
        "id": event_id,
        "occurred_at": time_text(charge.start),
        "cost": {"amount": format(charge.effective, "f"), "currency": charge.currency},
        **metered,
    }
    if event["attributes"] != _stated_attributes(charge):
        event["mended"] = ["attributes"]
    return event


def is_money_alone(charge: Charge) -> bool:
    """Whether it changes the cost of what was counted before: a credit, an adjustment, a correction, a refund."""
    return charge.category != "Usage" or charge.is_correction or charge.effective < 0


def _quantity(row: Cells) -> tuple[Decimal | None, str]:
    """In single units: 8400000 of Tokens for 8.4 of "1000000 Tokens"."""
    for quantity, unit in (("ConsumedQuantity", "ConsumedUnit"), ("PricingQuantity", "PricingUnit")):
        number, text = row.number(quantity), row.text(unit)
        if number is not None and text is not None:
            factor, name = unit_of(text)
            return number * factor, name
    return None, ""


def _metered(
    row: Cells, details: Mapping[str, str], quantity: Decimal | None, unit: str
) -> dict[str, Any] | UncountedCharge:
    unit_name = unit.lower().replace("-", " ")
    if quantity is None:
        return {}
    if unit_name in {"token", "tokens"}:
        return _tokens(row, details, quantity)
    if unit_name in {"request", "requests"}:
        if not 1 <= quantity <= COUNT_MAX or quantity != quantity.to_integral_value():
            return UncountedCharge("not_a_count", "ConsumedQuantity", "Requests are counted in whole numbers from 1.")
        return {"requests": int(quantity)}
    seconds = SECONDS_OF.get(unit_name.split(" ")[-1] if unit_name else "", 0)
    if seconds and ("gpu" in unit_name or "GpuCount" in details or "gpu" in (row.text("SkuMeter") or "").lower()):
        gpus = Decimal(1) if "gpu" in unit_name else _count_of(details)
        return {"gpu_seconds": format((quantity * gpus * seconds).quantize(PART), "f")}
    # Images, characters, token-hours are not counted as usage; their cost is.
    return {}


def _count_of(details: Mapping[str, str]) -> Decimal:
    text = details.get("GpuCount", "1")
    return Decimal(text) if re.fullmatch(r"\d{1,4}", text) and text.strip("0") else Decimal(1)


def _tokens(row: Cells, details: Mapping[str, str], quantity: Decimal) -> dict[str, Any] | UncountedCharge:
    if quantity != quantity.to_integral_value() or quantity > COUNT_MAX:
        return UncountedCharge("not_a_count", "ConsumedQuantity", "Tokens are counted in whole numbers.")
    count = int(quantity)
    fields = TOKEN_FIELDS.get(token_kind(row, details) or "")
    if fields is None:
        return UncountedCharge(
            "token_kind_unknown",
            "SkuMeter",
            "SkuMeter, or TokenDirection in SkuPriceDetails, must say whether the tokens are input or output.",
        )
    return {"tokens": dict.fromkeys(fields, count)}


def token_kind(row: Cells, details: Mapping[str, str]) -> str | None:
    """The meter's own name decides; other cells only where it says nothing. None when the kind of tokens is unknown."""
    meter = (row.text("SkuMeter") or "").lower()
    kind = _kind_in(meter)
    if kind is not None:
        return kind
    direction = (details.get("TokenDirection") or details.get("TokenType") or "").lower()
    action = (details.get("TokenCacheAction") or "").lower()
    if action == "read" or direction == "cacheread":
        return "cached_input"
    if action == "write" or direction == "cachewrite":
        return "cache_write"
    if direction in {"input", "output"}:
        return direction
    texts = (row.text("SkuId"), row.text("SkuPriceId"), row.text("ChargeDescription"))
    return next((named for text in texts if text and (named := _kind_in(text.lower(), model=True)) is not None), None)


def _kind_in(text: str, *, model: bool = False) -> str | None:
    """The kind of tokens in a text. `model`: the text names a model too, and "reasoning" may be part of its name."""
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
    """SkuPriceDetails by key without x_."""
    text = row.text("SkuPriceDetails")
    pairs = {} if text is None else key_value(text)
    if isinstance(pairs, str):
        return {}
    return {key.removeprefix(CUSTOM): str(value) for key, value in pairs.items() if value is not None}


def _stated(row: Cells, details: Mapping[str, str], name: str) -> str:
    return row.text(f"{CUSTOM}{name}") or details.get(name) or ""


def _operation_of(activity: str) -> str:
    """An operation of that activity, for a row that names none."""
    return {"retrieval": "retrieval", "orchestration": "orchestration", "training": "training", "other": "other"}.get(
        activity.lower(), "inference"
    )


def _provider(row: Cells) -> str:
    names = ("x_Provider", "ServiceProviderName", "ProviderName", "PublisherName", "InvoiceIssuerName")
    return next((text for name in names if (text := row.text(name))), "unknown")


def _model(row: Cells, details: Mapping[str, str]) -> str:
    """The model's own name, else the SKU's without its meter, since input and output are of one model."""
    stated = row.text("x_ModelId") or details.get("ModelId")
    sku = METER_SUFFIX.sub("", row.text("SkuId") or "")
    return stated or sku or row.text("SkuId") or row.text("ServiceName") or "unknown"


def _name(text: str) -> str:
    return CONTROL.sub(" ", text).strip()[:NAME_MAX] or "unknown"


ATTRIBUTE_COLUMNS = (
    ("sub_account", "SubAccountId"), ("sub_account_name", "SubAccountName"), ("billing_account", "BillingAccountId"),
    ("service", "ServiceName"), ("service_category", "ServiceCategory"), ("resource", "ResourceId"),
    ("region", "RegionId"), ("sku", "SkuId"),
)  # fmt: skip


def attributes_of(charge: Charge) -> dict[str, str]:
    """What attribution rules match: accounts, service and resource by name, and every tag as `tag.KEY`; also by KEY
    alone where no other attribute has that name. Cut where they do not fit.
    """
    return {
        fitted(name, ATTRIBUTE_NAME_MAX): fitted(text, IDENTIFIER_MAX)
        for name, text in _stated_attributes(charge).items()
    }


def _stated_attributes(charge: Charge) -> dict[str, str]:
    attributes = {name: text for name, column in ATTRIBUTE_COLUMNS if (text := charge.cells.text(column))}
    for key, value in charge.tags.items():
        if key:
            attributes.setdefault(f"tag.{key}", value)
            attributes.setdefault(key, value)
    return attributes
