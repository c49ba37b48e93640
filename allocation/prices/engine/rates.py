"""Rates of one model at one instant, and the exact integer arithmetic that turns quantities into money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal

from allocation.meters.documents import COUNTED_METERS, EXACT, MILLION, PRICED_PER, RARE_TOKENS, shifted

NANO = 10**9
NANO_PART = Decimal("1e-9")
# Precise enough for every amount. Fraction would be exact too, but 1e-99999 has a denominator of 100,000 digits.
AMOUNTS = Context(prec=60, rounding=ROUND_HALF_EVEN)
# A quantity has at most six decimal places.
QUANTITY_PLACES = 6
QUANTITY_SCALE = 10**QUANTITY_PLACES
# Quantities by meter: tokens of RARE_TOKENS, and what is counted separately.
RareQuantities = Mapping[str, int | Decimal]


@dataclass(frozen=True, slots=True)
class Rates:
    """Money per token and per request, in units of 10^-9 / `divisor` of the currency. `rare` holds the rates of rare
    meters, per token or per unit.
    """

    input: int
    cached_input: int
    cache_write: int
    output: int
    reasoning: int
    request: int
    rare: Mapping[str, int] = field(default_factory=dict)

    def of(self, meter: str) -> int | None:
        """The rate of any meter but `gpu_hour`; None for a counted meter without a stated price."""
        if meter in self.rare:
            return self.rare[meter]
        rate: int | None = getattr(self, RARE_TOKENS.get(meter, meter), None)
        return rate


@dataclass(frozen=True, slots=True)
class RateCard:
    """What one model costs on one day in one service tier.

    `tiers` holds (input tokens, rates) in rising order. The rates of the last tier whose bound the request's input
    exceeds apply to all of its tokens, as providers bill long contexts; when it exceeds none, the base rates apply.
    `divisor` scales sums of rates × quantity down to 10^-9 of the currency.
    """

    source: str
    version: str
    divisor: int
    base: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    gpu_hour: Decimal | None = None
    # The same card at list prices; None where list prices are what is paid.
    listed: "RateCard | None" = None

    @property
    def places(self) -> int:
        """Rates are prices per million tokens × 10^places."""
        return len(str(self.divisor)) + 2

    def tier_of(self, input_tokens: int, requests: int) -> int:
        """0 for the base, else the number of the context tier, from 1. Several requests counted together are priced at
        the base, since it is not known how the input spreads over them.
        """
        tier = 0
        if self.tiers and requests == 1:
            for number, (above, _) in enumerate(self.tiers, 1):
                if input_tokens > above:
                    tier = number
        return tier

    def rates_of(self, tier: int) -> Rates:
        """The rates of a tier that `tier_of` gives."""
        return self.tiers[tier - 1][1] if tier else self.base

    def cost_nanos(
        self,
        input_tokens: int,
        cached_input_tokens: int,
        cache_write_tokens: int,
        output_tokens: int,
        reasoning_tokens: int,
        requests: int,
        tier: int | None = None,
        rare: RareQuantities | None = None,
    ) -> int:
        """Cost in 10^-9 of the currency, rounded once, half to even. `tier` is `tier_of`, where known. GPU time is not
        in it.
        """
        rates = self.rates_of(self.tier_of(input_tokens, requests) if tier is None else tier)
        total = (
            (input_tokens - cached_input_tokens - cache_write_tokens) * rates.input
            + cached_input_tokens * rates.cached_input
            + cache_write_tokens * rates.cache_write
            + (output_tokens - reasoning_tokens) * rates.output
            + reasoning_tokens * rates.reasoning
            + requests * rates.request
        )
        if rare:
            return divide_half_even(total * QUANTITY_SCALE + _rare_sum(rare, rates), self.divisor * QUANTITY_SCALE)
        return divide_half_even(total, self.divisor)

    def prices_only_counts(self, tier: int) -> bool:
        """Whether only counted meters have a price, so that a call without any of them has none."""
        rates = self.rates_of(tier)
        return bool(rates.rare) and self.gpu_hour is None and not (rates.input or rates.output or rates.request)

    def with_list_prices(self, listed: "RateCard") -> "RateCard":
        """The card with `listed` as its list prices. Both get the context tiers of either, so that a tier has the same
        number in both.
        """
        bounds = sorted({above for above, _ in (*self.tiers, *listed.tiers)})
        return replace(self, tiers=_tiers_at(self, bounds), listed=replace(listed, tiers=_tiers_at(listed, bounds)))

    def has_no_rate_of(self, rare: RareQuantities, tier: int) -> bool:
        """Whether none of these rare meters has a price."""
        rates = self.rates_of(tier)
        return all(rates.of(meter) is None for meter in rare)


def _tiers_at(card: RateCard, bounds: Sequence[int]) -> tuple[tuple[int, Rates], ...]:
    return tuple((above, card.rates_of(card.tier_of(above + 1, 1))) for above in bounds)


def _rare_sum(rare: RareQuantities, rates: Rates) -> int:
    """Rates × quantities × QUANTITY_SCALE. Tokens add only their difference in price from the kind that counts them
    too.
    """
    total = 0
    for meter, quantity in rare.items():
        usual = getattr(rates, RARE_TOKENS[meter]) if meter in RARE_TOKENS else 0
        total += int(shifted(Decimal(quantity), QUANTITY_PLACES)) * ((rates.of(meter) or 0) - usual)
    return total


def divide_half_even(total: int, divisor: int) -> int:
    """`total` / `divisor` as a whole number, rounded half to even; `divisor` is positive."""
    quotient, remainder = divmod(total, divisor)
    twice = remainder * 2
    return quotient + 1 if twice > divisor or (twice == divisor and quotient & 1) else quotient


def to_nanos(amount: Decimal) -> int:
    """An amount as a whole number of 10^-9, rounded half to even."""
    return int(amount.quantize(NANO_PART, context=AMOUNTS).scaleb(9, context=AMOUNTS))


def nanos_text(nanos: int) -> str:
    """`0.000002500` for 2500: the text that COPY reads into a numeric(24,9)."""
    if nanos < 0:
        return f"-{nanos_text(-nanos)}"
    return f"{nanos // NANO}.{nanos % NANO:09d}"


def from_nanos(nanos: int) -> Decimal:
    """The amount of a whole number of 10^-9."""
    return Decimal(nanos).scaleb(-9)


def rate_card(source: str, version: str, tiers: Mapping[int, Mapping[str, Decimal]]) -> RateCard:
    """A card from prices by lower bound of the context tier and by meter; bound 0 is the base and must be present.

    What is not stated falls back within its tier: `cached_input` and `cache_write` to `input`, `reasoning` to `output`;
    a missing `input` or `output` is free. Prices per request and per count hold in every tier. Raises TypeError for a
    price that is not finite.
    """
    base = tiers[0]
    complete = {above: _complete_prices(prices, base) for above, prices in tiers.items()}
    places = max(3, *(-_exponent(price) for prices in complete.values() for price in prices.values()))
    rates = {above: _rates(prices, places) for above, prices in sorted(complete.items())}
    return RateCard(
        source=source,
        version=version,
        divisor=10 ** (places - 3),
        base=rates.pop(0),
        tiers=tuple(rates.items()),
        gpu_hour=base.get("gpu_hour"),
    )


_COMMON = ("input", "cached_input", "cache_write", "output", "reasoning", "request")
_OF_EVERY_TIER = ("request", *COUNTED_METERS)


def _complete_prices(prices: Mapping[str, Decimal], base: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Every common meter and the rare meters that are stated, all scaled to prices per million."""
    zero = Decimal(0)
    fresh, output = prices.get("input", zero), prices.get("output", zero)
    whole = {
        "input": fresh,
        "cached_input": prices.get("cached_input", fresh),
        "cache_write": prices.get("cache_write", fresh),
        "output": output,
        "reasoning": prices.get("reasoning", output),
        "request": zero,
        **{meter: prices[meter] for meter in RARE_TOKENS if meter in prices},
        **{meter: stated for meter in _OF_EVERY_TIER if (stated := prices.get(meter, base.get(meter))) is not None},
    }
    return {
        meter: (price if PRICED_PER[meter] == MILLION else shifted(price, 6)).normalize(EXACT)
        for meter, price in whole.items()
    }


def _rates(prices: Mapping[str, Decimal], places: int) -> Rates:
    scaled = {meter: int(shifted(price, places)) for meter, price in prices.items()}
    common = {meter: scaled.pop(meter) for meter in _COMMON}
    return Rates(**common, rare=scaled)


def _exponent(price: Decimal) -> int:
    exponent = price.as_tuple().exponent
    if not isinstance(exponent, int):
        raise TypeError("a price must be finite")
    return exponent
