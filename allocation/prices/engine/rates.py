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
    meters, per token or per unit. `unstated` names the usual kinds of tokens without a price: their rate is 0 here.
    `substitutes`: a rare kind of tokens without a rate costs what the kind it is a part of costs.
    """

    input: int
    cached_input: int
    cache_write: int
    output: int
    reasoning: int
    request: int
    rare: Mapping[str, int] = field(default_factory=dict)
    unstated: frozenset[str] = frozenset()
    substitutes: bool = True

    def of(self, meter: str) -> int | None:
        """The rate of any meter but `gpu_hour`; None for a meter without a price."""
        if meter in self.rare:
            return self.rare[meter]
        if meter in RARE_TOKENS:
            return self.of(RARE_TOKENS[meter]) if self.substitutes else None
        if meter in self.unstated:
            return None
        rate: int | None = getattr(self, meter, None)
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
        """Whether only counted meters cost something, so that a call without any of them is not known to be free."""
        rates = self.rates_of(tier)
        return any(rates.rare.values()) and self.gpu_hour is None and not (rates.input or rates.output or rates.request)

    def with_list_prices(self, listed: "RateCard") -> "RateCard":
        """The card with `listed` as its list prices. Both get the context tiers of either, so that a tier has the same
        number in both. A meter without a list price has the price that is paid for it.
        """
        bounds = sorted({above for above, _ in (*self.tiers, *listed.tiers)})
        paid = replace(self, tiers=_tiers_at(self, bounds))
        return replace(paid, listed=_completed(replace(listed, tiers=_tiers_at(listed, bounds)), paid))


def _tiers_at(card: RateCard, bounds: Sequence[int]) -> tuple[tuple[int, Rates], ...]:
    return tuple((above, card.rates_of(card.tier_of(above + 1, 1))) for above in bounds)


def _completed(card: RateCard, paid: RateCard) -> RateCard:
    """The card, which has the same tiers, with the rates of `paid` where it has none."""
    divisor = max(card.divisor, paid.divisor)
    scale, paid_scale = divisor // card.divisor, divisor // paid.divisor

    def filled(rates: Rates, paid_rates: Rates) -> Rates:
        rate_by_meter = {
            meter: rate
            for meter in (*_USUAL_TOKENS, "request", *{**rates.rare, **paid_rates.rare})
            if (rate := _first(scale, rates.of(meter), paid_scale, paid_rates.of(meter))) is not None
        }
        return _rates_of(rate_by_meter, substitutes=rates.substitutes)

    return replace(
        card,
        divisor=divisor,
        base=filled(card.base, paid.base),
        tiers=tuple(
            (above, filled(rates, paid_rates))
            for (above, rates), (_, paid_rates) in zip(card.tiers, paid.tiers, strict=True)
        ),
        gpu_hour=paid.gpu_hour if card.gpu_hour is None else card.gpu_hour,
    )


def _first(scale: int, rate: int | None, paid_scale: int, paid: int | None) -> int | None:
    if rate is not None:
        return rate * scale
    return None if paid is None else paid * paid_scale


def by_meter(
    input_tokens: int,
    cached_input_tokens: int,
    cache_write_tokens: int,
    output_tokens: int,
    reasoning_tokens: int,
    rare: RareQuantities | None,
) -> dict[str, int | Decimal]:
    """What was counted, each thing once: the usual kinds of tokens without their rare parts, then rare quantities."""
    quantities: dict[str, int | Decimal] = {
        "input": input_tokens - cached_input_tokens - cache_write_tokens,
        "cached_input": cached_input_tokens,
        "cache_write": cache_write_tokens,
        "output": output_tokens - reasoning_tokens,
        "reasoning": reasoning_tokens,
    }
    if rare:
        for meter, quantity in rare.items():
            if meter in RARE_TOKENS:
                quantities[RARE_TOKENS[meter]] -= int(quantity)
        quantities.update(rare)
    return quantities


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


def rate_card(
    source: str, version: str, tiers: Mapping[int, Mapping[str, Decimal]], *, substitutes: bool = True
) -> RateCard:
    """A card from prices by lower bound of the context tier and by meter; bound 0 is the base and must be present.

    What is not stated falls back within its tier: `cached_input` and `cache_write` to `input`, `reasoning` to `output`;
    with `substitutes` the rare kinds of tokens too. Without `input` or `output` these tokens have no price. Prices per
    request and per count hold in every tier. Raises TypeError for a price that is not finite.
    """
    base = tiers[0]
    complete = {above: _complete_prices(prices, base) for above, prices in tiers.items()}
    places = max([3, *(-_exponent(price) for prices in complete.values() for price in prices.values())])
    rates = {above: _rates(prices, places, substitutes=substitutes) for above, prices in sorted(complete.items())}
    return RateCard(
        source=source,
        version=version,
        divisor=10 ** (places - 3),
        base=rates.pop(0),
        tiers=tuple(rates.items()),
        gpu_hour=base.get("gpu_hour"),
    )


_USUAL_TOKENS = ("input", "cached_input", "cache_write", "output", "reasoning")
_OF_EVERY_TIER = ("request", *COUNTED_METERS)


def _complete_prices(prices: Mapping[str, Decimal], base: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The usual and the rare meters that have a price, all scaled to prices per million."""
    fresh, output = prices.get("input"), prices.get("output")
    whole = {
        "input": fresh,
        "cached_input": prices.get("cached_input", fresh),
        "cache_write": prices.get("cache_write", fresh),
        "output": output,
        "reasoning": prices.get("reasoning", output),
        **{meter: prices.get(meter) for meter in RARE_TOKENS},
        **{meter: prices.get(meter, base.get(meter)) for meter in _OF_EVERY_TIER},
    }
    return {
        meter: (price if PRICED_PER[meter] == MILLION else shifted(price, 6)).normalize(EXACT)
        for meter, price in whole.items()
        if price is not None
    }


def _rates(prices: Mapping[str, Decimal], places: int, *, substitutes: bool) -> Rates:
    return _rates_of({meter: int(shifted(price, places)) for meter, price in prices.items()}, substitutes=substitutes)


def _rates_of(rates: Mapping[str, int], *, substitutes: bool) -> Rates:
    """Without a rate, a usual kind of tokens is unstated."""
    usual = (*_USUAL_TOKENS, "request")
    return Rates(
        **{meter: rates.get(meter, 0) for meter in usual},
        rare={meter: rate for meter, rate in rates.items() if meter not in usual},
        unstated=frozenset(_USUAL_TOKENS) - rates.keys(),
        substitutes=substitutes,
    )


def _exponent(price: Decimal) -> int:
    exponent = price.as_tuple().exponent
    if not isinstance(exponent, int):
        raise TypeError("a price must be finite")
    return exponent
