"""What moved, in sentences: the same for a page, an API and a terminal."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from allocation.variance.engine.drivers import Driver
from allocation.variance.engine.variance import GPU_HOUR, REQUEST, TOKEN, Variance
from governance.charts.engine.numbers import MINUS, money, percent

NANO_PLACES = 9
NOUN = {Driver.TASKS: "task", Driver.REQUESTS: "request", Driver.TOKENS: "token"}
UNIT_NOUN = {TOKEN: "Tokens", REQUEST: "Requests", GPU_HOUR: "GPU hours"}


class Step(NamedTuple):
    """One effect: `name` as in `Effects`, what it is called here, and its amount in 10^-9 of the currency."""

    name: str
    title: str
    amount: int
    says: str


def steps(moved: Variance) -> list[Step]:
    """The effects in the order in which they are told, without those that this scope cannot have."""
    effects, noun = moved.effects, NOUN[moved.driver]
    units = [UNIT_NOUN[unit] for unit in moved.used if unit in UNIT_NOUN and unit != noun]
    use = units[0] if len(units) == 1 else "Use"
    found = [
        Step("volume", "Volume", effects.volume, f"more or fewer {noun}s"),
        Step("intensity", f"{use} per {noun}", effects.intensity, f"how much one {noun} takes"),
        Step("mix", "Mix", effects.mix, "dearer or cheaper models and kinds of use"),
        Step("price", "Price", effects.price, "what the same use costs"),
        Step("adjustments", "Adjustments", effects.adjustments, "corrections and moves without a quantity"),
    ]
    dispensable = {"adjustments"} | ({"intensity"} if moved.driver == Driver.TOKENS else set())
    return [step for step in found if step.amount or step.name not in dispensable]


def sentences(moved: Variance, currency: str) -> list[str]:
    return list(_sentences(moved, currency))


def _sentences(moved: Variance, currency: str) -> Iterator[str]:
    before, after = moved.cost
    if moved.status == "idle":
        yield "Nothing was used in either period."
        return
    verb = "rose" if moved.change > 0 else "fell" if moved.change < 0 else "stayed"
    by = f" by {amount(abs(moved.change))} {currency}{_share(moved.change, before)}" if moved.change else ""
    parts = ", ".join(f"{step.title.lower()} {signed(step.amount)}" for step in steps(moved) if step.amount)
    yield f"Cost {verb}{by}, from {amount(before)} to {amount(after)}{f': {parts}' if parts else ''}."
    if moved.status == "new":
        yield "All of it is new: there is no use before to compare with, so all is volume."
    if moved.status == "gone":
        yield "Its use has ended, so all is volume."
    yield from _rebound(moved, currency)


def _rebound(moved: Variance, currency: str) -> Iterator[str]:
    if not moved.effects.price or moved.rebound_ratio is None:
        return
    saved = f"Lower prices saved {amount(-moved.effects.price)} {currency}"
    if moved.is_jevons:
        yield (
            f"{saved} and more use cost {amount(moved.consumption)}: {moved.rebound_ratio.normalize():f} times what was"
            " saved, so cheaper came out dearer (Jevons)."
        )
    elif moved.effects.price < 0 < moved.consumption:
        yield f"{saved}, of which more use took {percent(moved.rebound_ratio)} back."


def signed(nanos: int) -> str:
    return f"+{amount(nanos)}" if nanos > 0 else f"{MINUS}{amount(-nanos)}" if nanos < 0 else "0.00"


def amount(nanos: int) -> str:
    """To the cent; to three digits that say something where a cent is too coarse."""
    return money(Decimal(nanos).scaleb(-NANO_PLACES)).replace("-", MINUS)


def _share(change: int, before: int) -> str:
    return f" ({'+' if change > 0 else MINUS}{percent(Decimal(abs(change)) / before)})" if before > 0 else ""
