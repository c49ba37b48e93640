"""Rates of one model at one instant, and the exact integer arithmetic that turns quantities into money."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

NANO = 10**9
NANO_PART = Decimal("1e-9")
# Wide enough for every amount; a fraction would be exact too, but 1e-99999 has a denominator of 100,000 digits.
AMOUNTS = Context(prec=60, rounding=ROUND_HALF_EVEN)
MILLION = 10**6


@dataclass(frozen=True, slots=True)
class Rates:
    """Money per token and per request, in units of 10^-9 / `divisor` of the currency."""

    input: int
    cached_input: int
    cache_write: int
    output: int
    reasoning: int
    request: int


@dataclass(frozen=True, slots=True)
class RateCard:
    """What one model costs on one day in one service tier.

    `tiers` holds (input tokens, rates) in rising order: the rates of the last tier whose bound the request's input
    exceeds hold for all its tokens, as providers bill long contexts; none is exceeded by the base rates.
    `divisor` scales sums of rates × quantity down to 10^-9 of the currency.
    """

    source: str
    version: str
    divisor: int
    base: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()
    gpu_hour: Decimal | None = None
    # The same card at list prices; None where they are the contract's.
    listed: "RateCard | None" = None

    @property
    def places(self) -> int:
        """Rates are prices per million tokens, times ten to this power."""
        return len(str(self.divisor)) + 2

    def tier_of(self, input_tokens: int, requests: int) -> int:
        """0 for the base, else the place of the context tier, from 1. More than one request is priced at the base:
        how the input spreads over the requests is not known.
        """
        tier = 0
        if self.tiers and requests == 1:
            for place, (above, _) in enumerate(self.tiers, 1):
                if input_tokens > above:
                    tier = place
        return tier

    def rates_of(self, tier: int) -> Rates:
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
    ) -> int:
        """Cost in 10^-9 of the currency, rounded half to even once. `tier` is `tier_of`, where known."""
        rates = self.rates_of(self.tier_of(input_tokens, requests) if tier is None else tier)
        total = (
            (input_tokens - cached_input_tokens - cache_write_tokens) * rates.input
            + cached_input_tokens * rates.cached_input
            + cache_write_tokens * rates.cache_write
            + (output_tokens - reasoning_tokens) * rates.output
            + reasoning_tokens * rates.reasoning
            + requests * rates.request
        )
        return divide_half_even(total, self.divisor)


def divide_half_even(total: int, divisor: int) -> int:
    quotient, rest = divmod(total, divisor)
    twice = rest * 2
    return quotient + 1 if twice > divisor or (twice == divisor and quotient & 1) else quotient


def to_nanos(amount: Decimal) -> int:
    """A Decimal amount as 10^-9 parts, rounded half to even."""
    return int(amount.quantize(NANO_PART, context=AMOUNTS).scaleb(9, context=AMOUNTS))


def nanos_text(nanos: int) -> str:
    """`0.000002500` for 2500: what COPY takes as numeric(24,9)."""
    if nanos < 0:
        return f"-{nanos_text(-nanos)}"
    return f"{nanos // NANO}.{nanos % NANO:09d}"


def from_nanos(nanos: int) -> Decimal:
    return Decimal(nanos).scaleb(-9)


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """Prices as written: per million tokens and per request. None falls back: cached input and cache write to input,
    reasoning to output; a missing input or output price charges nothing for it.
    """

    input: Decimal | None = None
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    output: Decimal | None = None
    reasoning: Decimal | None = None
    request: Decimal | None = None


def rate_card(
    source: str,
    version: str,
    tiers: dict[int, TokenPrices],
    gpu_hour: Decimal | None = None,
) -> RateCard:
    """A card from prices by lower bound of the context tier; bound 0 is the base and must be there."""
    numbers = [price for prices in tiers.values() for price in _whole(prices)]
    places = max(3, *(-_exponent(price) for price in numbers))
    scaled = {above: Rates(*(_scaled(price, places) for price in _whole(prices))) for above, prices in tiers.items()}
    base = scaled.pop(0)
    return RateCard(
        source=source,
        version=version,
        divisor=10 ** (places - 3),
        base=base,
        tiers=tuple(sorted(scaled.items())),
        gpu_hour=gpu_hour,
    )


def _whole(prices: TokenPrices) -> tuple[Decimal, ...]:
    zero = Decimal(0)
    fresh = zero if prices.input is None else prices.input
    output = zero if prices.output is None else prices.output
    return (
        fresh,
        fresh if prices.cached_input is None else prices.cached_input,
        fresh if prices.cache_write is None else prices.cache_write,
        output,
        output if prices.reasoning is None else prices.reasoning,
        # Per request, brought to the scale of prices per million tokens.
        zero if prices.request is None else prices.request * MILLION,
    )


def _exponent(price: Decimal) -> int:
    exponent = price.as_tuple().exponent
    if not isinstance(exponent, int):
        raise TypeError("a price must be finite")
    return exponent


def _scaled(price: Decimal, places: int) -> int:
    return int(price.scaleb(places))
