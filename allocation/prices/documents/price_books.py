"""`kind: PriceBook`: dated prices per provider, model and service tier, as published or as agreed in a contract."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from allocation.meters.documents import METERS, PRINTABLE, ServiceTier, multiplied, shifted, tier_meant
from allocation.prices.documents.hours import daily_hours
from governance.calendar.engine import check_validity, midnight
from governance.documents import Document, NamedMetadata

ENTRIES_MAX = 100_000
REGION_MAX = 64
# Published lists state prices with up to 17 decimal places.
PRICE_PLACES = 24
Price = Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=PRICE_PLACES, allow_inf_nan=False)]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=4, allow_inf_nan=False)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Basis = Literal["list", "contracted"]


def _day_as_instant(value: Any) -> Any:
    """A bare date means its first instant in UTC."""
    if isinstance(value, str) and len(value) == len("2026-01-01"):
        return midnight(date.fromisoformat(value))
    return value


def _not_misspelt(tier: str) -> str:
    if meant := tier_meant(tier):
        raise ValueError(f"there is no service tier {tier}; did you mean {meant}?")
    return tier


Instant = Annotated[AwareDatetime, BeforeValidator(_day_as_instant)]


class PriceSpec(BaseModel):
    """Prices of one model in one service tier. Token meters and `character` are per million; all others per one:
    `request`, `gpu_hour`, `image`, `page` …

    What is not stated falls back: `cached_input`, `cache_write`, `audio_input` and `image_input` to `input`,
    `cache_write_1h` to `cache_write`, `cached_audio_input` to `cached_input`, `reasoning`, `audio_output` and
    `image_output` to `output`. `above_input_tokens` opens a context tier: its prices hold for the whole of a request
    with more input. `discount_percent`, here or on the book, is taken off list prices; here it overrides the book's.
    `hours` (`16:30-00:30`, over midnight too), by the clocks of `zone`, says that the prices hold only then: put such
    an entry before that of the other hours. `region` (`eu-*`) says that they hold for calls whose attribute `region`
    matches, whatever its case; it comes before an entry of the same names without one, which holds elsewhere. `free`
    states 0 for every meter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Annotated[str, Field(min_length=1, max_length=128)]
    model: Annotated[str, Field(min_length=1, max_length=128)]
    service_tier: Annotated[ServiceTier, AfterValidator(_not_misspelt)] = "standard"
    effective_from: Instant
    effective_to: Instant | None = None
    above_input_tokens: Annotated[int, Field(ge=0, le=10**9)] = 0
    discount_percent: Percent | None = None
    hours: Annotated[str, Field(pattern=r"^\d{2}:\d{2}-\d{2}:\d{2}$")] | None = None
    zone: Annotated[str, Field(min_length=1, max_length=40)] = "UTC"
    region: Annotated[str, Field(min_length=1, max_length=REGION_MAX, pattern=PRINTABLE)] | None = None
    free: bool = False
    input: Price | None = None
    cached_input: Price | None = None
    cache_write: Price | None = None
    cache_write_1h: Price | None = None
    output: Price | None = None
    reasoning: Price | None = None
    audio_input: Price | None = None
    cached_audio_input: Price | None = None
    audio_output: Price | None = None
    image_input: Price | None = None
    image_output: Price | None = None
    request: Price | None = None
    gpu_hour: Price | None = None
    image: Price | None = None
    megapixel: Price | None = None
    audio_second: Price | None = None
    video_second: Price | None = None
    character: Price | None = None
    page: Price | None = None
    annotated_page: Price | None = None
    web_search: Price | None = None
    map_search: Price | None = None
    file_search: Price | None = None
    session: Price | None = None
    message: Price | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        silent = all(getattr(self, meter) is None for meter in METERS)
        if self.free and not silent:
            raise ValueError("is free: state no price beside it")
        if silent and not self.free:
            raise ValueError(f"states no price: give at least one of {', '.join(METERS)}, or free: true")
        if self.hours is not None:
            daily_hours(self.hours, self.zone)
        check_validity(self.effective_from, self.effective_to)
        return self

    @property
    def key(self) -> tuple[str, str, str]:
        """Provider, model and service tier."""
        return (self.provider, self.model, self.service_tier)

    @property
    def identity(self) -> tuple[object, ...]:
        """The series with its validity: what the context tiers of one price share."""
        return (*self.series, self.effective_from, self.effective_to)

    @property
    def series(self) -> tuple[str, ...]:
        """The key, with the hours and the region where the prices hold only then and there: what follows one another in
        time.
        """
        hours = () if self.hours is None else (self.hours, self.zone)
        return (*self.key, *hours, *(() if self.region is None else (self.region,)))

    @property
    def stated(self) -> dict[str, Decimal]:
        """The prices stated, by meter in the order of METERS."""
        if self.free:
            return dict.fromkeys(METERS, Decimal(0))
        return {meter: price for meter in METERS if (price := getattr(self, meter)) is not None}


class PriceBookSpec(BaseModel):
    """`contract` names an agreement with a provider; books with one are tried before published lists. `basis` says what
    the prices are: list prices, from which discounts are taken, or contracted prices, whose list price is taken from
    the next book of list prices or from the catalogue.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    organisation: Annotated[str, Field(min_length=1, max_length=63)]
    contract: Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE)] | None = None
    basis: Basis = "list"
    currency: Currency = "USD"
    discount_percent: Percent | None = None
    prices: Annotated[tuple[PriceSpec, ...], Field(min_length=1, max_length=ENTRIES_MAX)]

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

    @model_validator(mode="after")
    def _discounts_list_prices(self) -> Self:
        if self.discount_percent is None and all(price.discount_percent is None for price in self.prices):
            return self
        if self.basis == "contracted":
            raise ValueError("discount_percent is taken off list prices; these are contracted already (basis)")
        if self.contract is None:
            raise ValueError("discount_percent needs the contract that grants it: name it in `contract`")
        return self

    def contracted(self, entry: PriceSpec) -> dict[str, Decimal]:
        """The price paid, by meter: exact, with at most six decimal places more than the stated price."""
        discount = entry.discount_percent if entry.discount_percent is not None else self.discount_percent
        if not discount:
            return entry.stated
        return {meter: shifted(multiplied(price, 100 - discount), -2) for meter, price in entry.stated.items()}


class PriceBookDocument(Document):
    """A named price book of one organisation."""

    kind: Literal["PriceBook"]
    metadata: NamedMetadata
    spec: PriceBookSpec
