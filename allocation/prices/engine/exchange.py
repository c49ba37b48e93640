"""Money of other currencies in the organisation's: by the last rate stated for the day or a day before it."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from allocation.meters.documents import EXACT, multiplied

ORDINAL_OF_1970 = date(1970, 1, 1).toordinal()
# Far finer than the nine places of an amount, for what has no last digit.
FINEST = Decimal("1e-24")


@dataclass(frozen=True, slots=True)
class RateMissing:
    """Nobody has stated what the currency was worth on the day."""

    from_currency: str
    to_currency: str
    on: date

    def __str__(self) -> str:
        return (
            f"No exchange rate from {self.from_currency} to {self.to_currency} is in force on {self.on}:"
            " state one (kind ExchangeRates), then replay the record."
        )


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of the other currency is worth or, `inverse`, what one of the organisation's is worth in it.
    `name` is how records remember it: `EUR 1.0832 2026-11-24`, or `EUR /0.92 2026-11-24` for an inverse.
    """

    value: Decimal
    name: str
    inverse: bool = False

    def convert(self, amount: Decimal) -> Decimal:
        if not self.inverse:
            return multiplied(amount, self.value)
        return _WIDE.divide(amount, self.value).quantize(FINEST, context=_WIDE)


_WIDE = EXACT.copy()
_WIDE.clear_traps()


@dataclass(frozen=True, slots=True)
class ExchangeRates:
    """What one organisation has stated, towards its own currency: by other currency, days from 1970 and their rates,
    both rising.
    """

    currency: str
    stated: Mapping[str, tuple[tuple[int, ...], tuple[Rate, ...]]] = field(default_factory=dict)

    def on(self, currency: str, day: int) -> Rate | RateMissing:
        """`day` counts UTC days from 1970-01-01."""
        days, rates = self.stated.get(currency, ((), ()))
        place = bisect_right(days, day)
        if not place:
            return RateMissing(currency, self.currency, date.fromordinal(day + ORDINAL_OF_1970))
        return rates[place - 1]


def exchange_rates(currency: str, stated: Iterable[tuple[str, str, date, Decimal]]) -> ExchangeRates:
    """From (from, to, day, rate) in the order in which they were stated: of the same day the last one holds. A rate
    of the opposite direction serves on a day for which none of the right one is stated.
    """
    direct: dict[str, dict[int, Rate]] = {}
    opposite: dict[str, dict[int, Rate]] = {}
    for source, target, on, rate in stated:
        day = on.toordinal() - ORDINAL_OF_1970
        text = format(rate.normalize(), "f")
        if target == currency:
            direct.setdefault(source, {})[day] = Rate(rate, f"{source} {text} {on}")
        elif source == currency:
            opposite.setdefault(target, {})[day] = Rate(rate, f"{target} /{text} {on}", inverse=True)
    found = {other: opposite.get(other, {}) | direct.get(other, {}) for other in opposite.keys() | direct.keys()}
    return ExchangeRates(
        currency,
        {
            other: (tuple(sorted(by_day)), tuple(by_day[day] for day in sorted(by_day)))
            for other, by_day in found.items()
        },
    )
