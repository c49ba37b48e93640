"""The overshoot bound in a sentence, for a person."""

from decimal import Decimal

from budgets.plans.engine.amounts import rounded
from budgets.reservations.engine.bounds import OvershootBound

SECONDS_PER_MINUTE, SECONDS_PER_HOUR, SECONDS_PER_DAY = 60, 3600, 86400


def bound_in_words(bound: OvershootBound, unit: str, used: Decimal, currency: str = "") -> str:
    """Empty where nothing is under way and nothing waits to be told of."""

    def amount(quantity: Decimal) -> str:
        return rounded(unit, quantity, currency)

    if not bound.total:
        return ""
    late = f"not told of yet: the data is {_age(bound.data_age_s or 0)} old, at {amount(bound.burn_per_hour)} an hour"
    stated = [
        f"{amount(quantity)} {of_what}"
        for quantity, of_what in (
            (bound.leases, "leased"),
            (bound.holds, "held for calls under way"),
            (bound.unsettled, "drawn beyond leases or expired within the hour, which may still be told of"),
            (bound.unreported, late),
        )
        if quantity
    ]
    most, more = amount(used + bound.total), amount(bound.total)
    return f"Use comes to at most {most}, {more} beyond what is recorded: {'; '.join(stated)}."


def _age(seconds: int) -> str:
    for name, size in (("days", SECONDS_PER_DAY), ("hours", SECONDS_PER_HOUR), ("minutes", SECONDS_PER_MINUTE)):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} seconds"
