"""A charge line of usage as a row of FOCUS: one meter of one model on one UTC day."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import urlencode

from genai_prices.data import providers

from allocation.focus.engine.formats import number_text
from allocation.focus.engine.layout import Cell, Layout, Slot, Template, csv_text
from allocation.focus.engine.values import AI
from allocation.usage.engine.call_prices import FOCUS, PROVIDER
from governance.calendar.engine import DAY, first_of_month, month_after

PER_MILLION = "1000000 "
MILLION_TOKENS = f"{PER_MILLION}Tokens"
PRICE_PLACES = Decimal("1e-18")
GENERATIVE, LEARNING = "Generative AI", "Machine Learning"


@dataclass(frozen=True, slots=True)
class ScopeFacts:
    """A scope as a FOCUS account. The root is the organisation, the billing account, and has no sub account."""

    id: int
    path: str
    name: str
    kind: str
    is_root: bool
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Account:
    """The billing account: the organisation. `currency` is the currency of all its amounts."""

    id: str
    name: str
    currency: str


class ChargeKind(NamedTuple):
    """What charge lines with the same price share. Prices are text, None when unknown."""

    scope_id: int
    provider: str
    model: str
    activity: str
    service_tier: str
    price_source: str
    price_version: str
    charge_class: str
    meter: str
    list_unit_price: str | None
    contracted_unit_price: str | None


class Amounts(NamedTuple):
    """A charge line's numbers as plain decimals; `millions` is the quantity / 10^6."""

    day: str
    requests: str
    quantity: str
    millions: str
    listed: str
    contracted: str
    effective: str
    billed: str


class Meter(NamedTuple):
    """The names and units of a meter in FOCUS, and what SkuPriceDetails says of its tokens."""

    name: str
    consumed: str
    pricing: str
    direction: str = ""
    cache: str = ""


def _tokens(name: str, direction: str, cache: str = "") -> Meter:
    return Meter(f"{name} Tokens", "Tokens", MILLION_TOKENS, direction, cache)


METERS: Mapping[str, Meter] = {
    "input": _tokens("Input", "Input", "Uncached"),
    "cached_input": _tokens("Cached Input", "Input", "Read"),
    "cache_write": _tokens("Cache Write Input", "Input", "Write"),
    "cache_write_1h": _tokens("One Hour Cache Write Input", "Input", "Write"),
    "audio_input": _tokens("Audio Input", "Input", "Uncached"),
    "cached_audio_input": _tokens("Cached Audio Input", "Input", "Read"),
    "image_input": _tokens("Image Input", "Input", "Uncached"),
    "output": _tokens("Output", "Output"),
    "reasoning": _tokens("Reasoning Output", "Output"),
    "audio_output": _tokens("Audio Output", "Output"),
    "image_output": _tokens("Image Output", "Output"),
    "character": Meter("Characters", "Characters", f"{PER_MILLION}Characters"),
    "request": Meter("Requests", "Requests", "Requests"),
    "gpu_hour": Meter("GPU Hours", "GPU-Hours", "GPU-Hours"),
}
# Money without a quantity: a credit, or what a correction moves.
ADJUSTMENT = "adjustment"
# Who states a credit also states its amount.
BILLED = frozenset({PROVIDER, FOCUS})
PRICE_PARAMETERS = frozenset({"service_tier", "price_source"})
RECORD_PARAMETERS = PRICE_PARAMETERS | {"provider", "model"}


@lru_cache(maxsize=1000)
def meter_of(meter: str) -> Meter:
    """The meter's names; one that is not listed here is counted in its own name."""
    listed = METERS.get(meter)
    if listed is not None:
        return listed
    word = meter.replace("_", " ").title()
    plural = word if word.endswith("s") else f"{word}s"
    return Meter(plural, plural, plural)


@lru_cache(maxsize=1000)
def is_per_million(meter: str) -> bool:
    """Whether the meter's price is per million tokens or characters, not per unit."""
    return meter_of(meter).pricing.startswith(PER_MILLION)


@lru_cache(maxsize=1000)
def provider_name(provider: str) -> str:
    """The provider's name in the catalogue; as reported when the catalogue does not know it."""
    return next((listed.name for listed in providers if listed.id == provider), provider)


# Columns with the same text in all lines of a kind.
KIND_COLUMNS = (
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ConsumedUnit", "HostProviderName", "InvoiceIssuerName",
    "PricingCategory", "PricingUnit", "ProviderName", "PublisherName", "ServiceName", "ServiceProviderName",
    "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceDetails", "SkuPriceId", "x_Activity", "x_Meter", "x_ModelId",
    "x_PriceSource", "x_PriceVersion", "x_ProcessingTier", "x_Provider",
)  # fmt: skip
LINE_COLUMNS = {
    "BilledCost": "billed", "BillingPeriodStart": "month", "BillingPeriodEnd": "month_end",
    "ChargePeriodStart": "start", "ChargePeriodEnd": "end", "ConsumedQuantity": "quantity",
    "ContractedCost": "contracted", "ContractedUnitPrice": "contracted_price", "EffectiveCost": "effective",
    "ListCost": "listed",
    "ListUnitPrice": "list_price", "PricingCurrencyContractedUnitPrice": "contracted_price",
    "PricingCurrencyEffectiveCost": "effective", "PricingCurrencyListUnitPrice": "list_price",
    "PricingQuantity": "priced", "x_RequestCount": "requests",
}  # fmt: skip

# The values of a line, in the order in which `Writer.line` puts them together.
LINE_VALUES = (
    "start", "end", "month", "month_end", *Amounts._fields, "priced", "list_price", "contracted_price",
)  # fmt: skip
Places = Callable[[tuple[str, ...]], tuple[str, ...]]
KINDS_MAX = 10_000


def scope_template(layout: Layout, scope: ScopeFacts, account: Account) -> Template:
    """The line shared by all charges of the scope."""
    cells: dict[str, Cell] = {
        **account_cells(account, scope),
        "ChargeFrequency": "Usage-Based",
        "ServiceCategory": AI,
        # The API's list of the records behind the line. Nothing in it needs quotation marks.
        "x_Records": (
            "/api/v1/",
            Slot("endpoint", per_kind=True),
            f"?{urlencode({'scope': scope.path, 'below': 'false'})}",
            Slot("filters", per_kind=True),
            "&booked_on=",
            Slot("day"),
        ),
        **{column: Slot(column, per_kind=True) for column in KIND_COLUMNS},
        **{column: Slot(name) for column, name in LINE_COLUMNS.items()},
    }
    return layout.template(cells)


def account_cells(account: Account, scope: ScopeFacts) -> dict[str, str | None]:
    """Whose charge it is: the organisation is the billing account, the scope is the sub account."""
    return {
        "BillingAccountId": account.id,
        "BillingAccountName": account.name,
        "BillingAccountType": "Organization",
        "BillingCurrency": account.currency,
        "PricingCurrency": account.currency,
        "SubAccountId": None if scope.is_root else scope.path,
        "SubAccountName": None if scope.is_root else scope.name,
        "SubAccountType": None if scope.is_root else scope.kind.replace("_", " ").title(),
        "Tags": json.dumps(dict(sorted(scope.tags.items())), ensure_ascii=False) if scope.tags else None,
        "x_ScopeId": str(scope.id),
        "x_ScopePath": scope.path,
    }


def kind_texts(kind: ChargeKind) -> Mapping[str, str]:
    """The texts of a kind by slot, as CSV."""
    party = provider_name(kind.provider)
    is_money = kind.meter == ADJUSTMENT
    is_moved = is_money and kind.price_source not in BILLED
    cells: dict[str, str | None] = {
        "ChargeCategory": _category(kind),
        "ChargeClass": kind.charge_class or None,
        "HostProviderName": party,
        "InvoiceIssuerName": party,
        "ProviderName": party,
        "PublisherName": party,
        "ServiceName": f"{party} API",
        "ServiceProviderName": party,
        "ServiceSubcategory": LEARNING if kind.activity == "training" else GENERATIVE,
        "x_Activity": kind.activity,
        "x_Meter": kind.meter,
        "x_ModelId": kind.model,
        "x_PriceSource": kind.price_source or None,
        "x_PriceVersion": kind.price_version or None,
        "x_ProcessingTier": kind.service_tier or None,
        "x_Provider": kind.provider,
        **({"ChargeDescription": f"{_money_name(is_moved=is_moved)} {kind.model}"} if is_money else _metered(kind)),
    }
    parameters = RECORD_PARAMETERS - PRICE_PARAMETERS if is_moved else RECORD_PARAMETERS
    filters = {name: text for name, text in sorted(kind._asdict().items()) if name in parameters and text}
    return {
        **{column: csv_text(cells.get(column)).replace("%", "%%") for column in KIND_COLUMNS},
        "filters": f"&{urlencode(filters)}".replace("%", "%%"),
        "endpoint": "adjustments" if is_moved else "usage",
    }


def _category(kind: ChargeKind) -> str:
    """A correction of a closed month is Usage of the class Correction; what moves in an open one is an Adjustment."""
    if kind.meter != ADJUSTMENT:
        return "Usage"
    if kind.price_source in BILLED:
        return "Credit"
    return "Usage" if kind.charge_class else "Adjustment"


def _money_name(*, is_moved: bool) -> str:
    return "Correction of the cost of" if is_moved else "Credit for"


def _metered(kind: ChargeKind) -> dict[str, str | None]:
    meter = meter_of(kind.meter)
    sku = f"{kind.provider}/{kind.model}/{kind.meter}"
    is_priced = kind.list_unit_price is not None and kind.contracted_unit_price is not None
    details = {
        "x_ModelId": kind.model,
        "x_ProcessingTier": kind.service_tier,
        **({"x_TokenDirection": meter.direction} if meter.direction else {}),
        **({"x_TokenCacheAction": meter.cache} if meter.cache else {}),
    }
    return {
        "ChargeDescription": f"{meter.name} of {kind.model}",
        "ConsumedUnit": meter.consumed,
        # A bill without known rates follows none of FOCUS's pricing categories.
        "PricingCategory": "Standard" if is_priced else "Other",
        "PricingUnit": meter.pricing,
        "SkuId": sku,
        "SkuMeter": meter.name,
        "SkuPriceDetails": json.dumps(details, ensure_ascii=False, sort_keys=True),
        "SkuPriceId": "/".join(part for part in (sku, kind.service_tier, kind.list_unit_price) if part),
    }


@dataclass(slots=True)
class Writer:
    """Writes charge lines as CSV, with one substitution per line: what lines of a kind share is prepared once."""

    layout: Layout
    account: Account
    scopes: Mapping[int, ScopeFacts]
    by_scope: dict[int, Template] = field(default_factory=dict)
    texts: dict[tuple[str | int | None, ...], Mapping[str, str]] = field(default_factory=dict)
    kinds: dict[ChargeKind, tuple[str, Places]] = field(default_factory=dict)

    def line(self, kind: ChargeKind, amounts: Amounts) -> str:
        """A line of CSV. Unit prices that are unknown are the cost per unit."""
        line, pick = self.kinds.get(kind) or self._prepare(kind)
        listed, contracted, priced = kind.list_unit_price, kind.contracted_unit_price, ""
        if kind.meter == ADJUSTMENT:
            amounts, listed, contracted = amounts._replace(quantity=""), "", ""
        else:
            priced = amounts.millions if is_per_million(kind.meter) else amounts.quantity
            if listed is None:
                listed = unit_price(amounts.listed, priced)
            if contracted is None:
                contracted = unit_price(amounts.contracted, priced)
        return line % pick((*dates_of(amounts.day), *amounts, priced, listed, contracted))

    def _prepare(self, kind: ChargeKind) -> tuple[str, Places]:
        if len(self.kinds) >= KINDS_MAX:
            # Lines come scope by scope: kinds of earlier scopes are not needed again.
            self.kinds.clear()
        template = self.by_scope.get(kind.scope_id)
        if template is None:
            template = scope_template(self.layout, self.scopes[kind.scope_id], self.account)
            self.by_scope[kind.scope_id] = template
        without_scope = tuple(kind)[1:]
        texts = self.texts.get(without_scope)
        if texts is None:
            if len(self.texts) >= KINDS_MAX:
                self.texts.clear()
            texts = self.texts[without_scope] = kind_texts(kind)
        pick: Places = itemgetter(*(LINE_VALUES.index(slot) for slot in template.line_slots))
        prepared = (template.line % tuple([texts[slot] for slot in template.kind_slots]), pick)
        self.kinds[kind] = prepared
        return prepared


@lru_cache(maxsize=2048)
def dates_of(day: str) -> tuple[str, str, str, str]:
    """Start and end of the day, then of its month, as FOCUS writes times; ends are exclusive."""
    on = date.fromisoformat(day)
    month, following = first_of_month(on), month_after(on)
    end = on + DAY
    return f"{day}T00:00:00Z", f"{end}T00:00:00Z", f"{month}T00:00:00Z", f"{following}T00:00:00Z"


def unit_price(cost: str, quantity: str) -> str:
    """Cost per unit, to 18 decimal places, for charges without a known price."""
    units = Decimal(quantity)
    if not units:
        return "0.0"
    return number_text((Decimal(cost) / units).quantize(PRICE_PLACES))
