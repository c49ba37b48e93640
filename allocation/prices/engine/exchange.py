"""Converts money into the organisation's currency, by the latest rate stated for the day or before it."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from allocation.meters.documents import EXACT, multiplied

ORDINAL_OF_1970 = date(1970, 1, 1).toordinal()
# Far finer than the nine decimal places of an amount; a quotient may have no last digit.
QUOTIENT_STEP = Decimal("1e-24")


@dataclass(frozen=True, slots=True)
class RateMissing:
    """No exchange rate is stated for the currency on the day or before it."""

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
    """`value` is what one unit of the foreign currency is worth in the organisation's or, when `inverse`, what one unit
    of the organisation's is worth in the foreign one. Records keep `name` as part of their price version: `EUR 1.0832
    2026-11-24`, or `EUR /0.92 2026-11-24` for an inverse.
    """

    value: Decimal
    name: str
    inverse: bool = False

    def convert(self, amount: Decimal) -> Decimal:
        """The amount in the organisation's currency: exact, or to 24 decimal places for an inverse rate."""
        if not self.inverse:
            return multiplied(amount, self.value)
        return _WIDE.divide(amount, self.value).quantize(QUOTIENT_STEP, context=_WIDE)


_WIDE = EXACT.copy()
_WIDE.clear_traps()


@dataclass(frozen=True, slots=True)
class ExchangeRates:
    """The rates stated by one organisation. `stated` holds, by foreign currency, days counted from 1970 and their
    rates, both in the order of days.
    """

    currency: str
    stated: Mapping[str, tuple[tuple[int, ...], tuple[Rate, ...]]] = field(default_factory=dict)

    def on(self, currency: str, day: int) -> Rate | RateMissing:
        """The latest rate of that day or before. `day` counts UTC days from 1970-01-01."""
        days, rates = self.stated.get(currency, ((), ()))
        position = bisect_right(days, day)
        if not position:
            return RateMissing(currency, self.currency, date.fromordinal(day + ORDINAL_OF_1970))
        return rates[position - 1]


def exchange_rates(currency: str, stated: Iterable[tuple[str, str, date, Decimal]]) -> ExchangeRates:
    """Built from (from, to, day, rate) in the order in which they were stated; the last one for a day holds. A rate of
    the opposite direction is used for a day without a direct one.
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
    by_currency = {
        foreign: opposite.get(foreign, {}) | direct.get(foreign, {}) for foreign in opposite.keys() | direct.keys()
    }
    return ExchangeRates(
        currency,
        {
            foreign: (tuple(sorted(by_day)), tuple(by_day[day] for day in sorted(by_day)))
            for foreign, by_day in by_currency.items()
        },
    )
