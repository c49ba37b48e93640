"""A variance in sentences: the same on a page, in the API and in a terminal."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from allocation.variance.engine.drivers import Driver
from allocation.variance.engine.variance import GPU_HOUR, REQUEST, TOKEN, Variance
from governance.charts.engine.numbers import MINUS, money, percent

NANO_PLACES = 9
NOUN = {Driver.TASKS: "task", Driver.REQUESTS: "request", Driver.TOKENS: "token"}
UNIT_NOUN = {TOKEN: "Tokens", REQUEST: "Requests", GPU_HOUR: "GPU hours"}


class EffectStep(NamedTuple):
    """One effect: `name` as in `Effects`, its title for this scope, and its amount in 10^-9 of the currency."""

    name: str
    title: str
    amount: int
    explanation: str


def effect_steps(variance: Variance) -> list[EffectStep]:
    """The effects in the order of the waterfall, without those that this scope cannot have."""
    effects, noun = variance.effects, NOUN[variance.driver]
    units = [UNIT_NOUN[unit] for unit in variance.used if unit in UNIT_NOUN and unit != noun]
    use = units[0] if len(units) == 1 else "Use"
    all_steps = [
        EffectStep("volume", "Volume", effects.volume, f"more or fewer {noun}s"),
        EffectStep("intensity", f"{use} per {noun}", effects.intensity, f"how much one {noun} takes"),
        EffectStep("mix", "Mix", effects.mix, "more expensive or cheaper models and kinds of use"),
        EffectStep("price", "Price", effects.price, "what the same use costs"),
        EffectStep("adjustments", "Adjustments", effects.adjustments, "corrections and moves without a quantity"),
    ]
    optional = {"adjustments"} | ({"intensity"} if variance.driver == Driver.TOKENS else set())
    return [step for step in all_steps if step.amount or step.name not in optional]


def sentences(variance: Variance, currency: str) -> list[str]:
    """What changed, by how much and through which effects; then whether lower prices were used up by more use."""
    return list(_sentences(variance, currency))


def _sentences(variance: Variance, currency: str) -> Iterator[str]:
    before, after = variance.cost
    if variance.status == "idle":
        yield "Nothing was used in either period."
        return
    verb = "rose" if variance.change > 0 else "fell" if variance.change < 0 else "stayed"
    by = f" by {amount(abs(variance.change))} {currency}{_share(variance.change, before)}" if variance.change else ""
    parts = ", ".join(f"{step.title.lower()} {signed(step.amount)}" for step in effect_steps(variance) if step.amount)
    yield f"Cost {verb}{by}, from {amount(before)} to {amount(after)}{f': {parts}' if parts else ''}."
    if variance.status == "new":
        yield "All of it is new: there is no use before to compare with, so all is volume."
    if variance.status == "gone":
        yield "Its use has ended, so all is volume."
    yield from _rebound(variance, currency)


def _rebound(variance: Variance, currency: str) -> Iterator[str]:
    if not variance.effects.price or variance.rebound_ratio is None:
        return
    saved = f"Lower prices saved {amount(-variance.effects.price)} {currency}"
    if variance.is_jevons:
        ratio = f"{variance.rebound_ratio.normalize():f}"
        yield (
            f"{saved} and more use cost {amount(variance.use_effect)}: {ratio} times what was saved, so lower prices"
            " led to a higher cost (Jevons)."
        )
    elif variance.effects.price < 0 < variance.use_effect:
        yield f"{saved}, of which more use took {percent(variance.rebound_ratio)} back."


def signed(nanos: int) -> str:
    """As `amount`, with a sign unless it is 0."""
    return f"+{amount(nanos)}" if nanos > 0 else f"{MINUS}{amount(-nanos)}" if nanos < 0 else "0.00"


def amount(nanos: int) -> str:
    """To the cent; to three significant digits where a cent is too coarse."""
    return money(Decimal(nanos).scaleb(-NANO_PLACES)).replace("-", MINUS)


def _share(change: int, before: int) -> str:
    return f" ({'+' if change > 0 else MINUS}{percent(Decimal(abs(change)) / before)})" if before > 0 else ""
