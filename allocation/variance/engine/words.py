"""A variance in sentences: the same on a page, in the API and in a terminal."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from allocation.variance.engine.drivers import Driver
from allocation.variance.engine.figures import (
    GPU_HOUR,
    RATIO_PART,
    REQUEST,
    TOKEN,
    CacheShare,
    Entry,
    Variance,
)
from governance.charts.engine.numbers import MINUS, money, percent

NANO_PLACES = 9
NAMED_MAX = 3
BASE_TIMES_MAX = 20
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
        EffectStep("new", "New", effects.new, "models and scopes that were not used before"),
        EffectStep("ended", "Ended", effects.ended, "models and scopes that are not used any more"),
        EffectStep("volume", "Volume", effects.volume, f"more or fewer {noun}s"),
        EffectStep("intensity", f"{use} per {noun}", effects.intensity, f"how much one {noun} takes"),
        EffectStep("mix", "Mix", effects.mix, "more expensive or cheaper models and kinds of use"),
        EffectStep("price", "Price", effects.price, "what the same use costs"),
        EffectStep("exchange", "Exchange rates", effects.exchange, "what prices in other currencies are worth"),
        EffectStep("adjustments", "Adjustments", effects.adjustments, "corrections and moves without a quantity"),
    ]
    optional = {"new", "ended", "exchange", "adjustments"} | (
        {"intensity"} if variance.driver == Driver.TOKENS else set()
    )
    return [step for step in all_steps if step.amount or step.name not in optional]


def sentences(variance: Variance, currency: str, note: str = "") -> list[str]:
    """What changed, by how much and through which effects; then each cause that has a name, with what to do. `note`
    says how the periods compare, where that needs saying.
    """
    return list(_sentences(variance, currency, note))


def _sentences(variance: Variance, currency: str, note: str) -> Iterator[str]:
    before, after = variance.cost
    if variance.status == "idle":
        yield "Nothing was used in either period."
        return
    verb = "rose" if variance.change > 0 else "fell" if variance.change < 0 else "stayed"
    by = f" by {amount(abs(variance.change))} {currency}{_share(variance.change, before)}" if variance.change else ""
    parts = ", ".join(f"{step.title.lower()} {signed(step.amount)}" for step in effect_steps(variance) if step.amount)
    yield f"Cost {verb}{by}, from {amount(before)} to {amount(after)}{f': {parts}' if parts else ''}."
    if note:
        yield note
    if before > 0 and is_too_small(variance.change, before):
        yield f"{amount(before)} {currency} before is too small to compare with: read the amounts, not a percentage."
    findings = variance.findings
    if findings.new:
        sum_of = sum(entry.amount for entry in findings.new)
        yield f"{amount(sum_of)} {currency} is new, not used before: {_named(findings.new)}. Check that it was planned."
    if findings.ended:
        sum_of = -sum(entry.amount for entry in findings.ended)
        yield f"{amount(sum_of)} {currency} has ended, not used any more: {_named(findings.ended)}."
    if exchange := variance.effects.exchange:
        dearer = "more" if exchange > 0 else "less"
        by_rates = f"{amount(abs(exchange))} {currency} {dearer} comes from exchange rates alone"
        yield f"{by_rates}: neither use nor prices changed by it."
    if booked := variance.effects.adjustments:
        dearer = "more" if booked > 0 else "less"
        what = "late usage and corrections of closed months, and moves"
        yield f"{amount(abs(booked))} {currency} {dearer} is booked without use: {what}. Read the corrections."
    yield from _caching(findings.cache, currency)
    yield from _prices(variance, currency)


def _named(entries: Sequence[Entry]) -> str:
    """The largest of them, each with its amount."""
    largest = sorted(entries, key=lambda entry: (-abs(entry.amount), entry.scope, entry.model))
    names = [f"{_place(entry.scope, entry.model)} {signed(entry.amount)}" for entry in largest[:NAMED_MAX]]
    others = len(entries) - len(names)
    return ", ".join(names) + (f" and {others} more" if others > 0 else "")


def _place(scope: str, model: str) -> str:
    return f"{model} in {scope}" if scope and model else model or scope


def _caching(shares: Sequence[CacheShare], currency: str) -> Iterator[str]:
    largest = sorted(shares, key=lambda share: (-abs(share.cost), share.scope, share.model))
    for share in largest[:NAMED_MAX]:
        place = _place(share.scope, share.model)
        points = f"{percent(_decimal(share.before))} to {percent(_decimal(share.after))}"
        moved = f"of the input of {place}, the cached share {'fell' if share.cost > 0 else 'rose'} from {points}."
        if share.cost > 0:
            advice = "Look for a changed start of its prompts."
            yield f"{amount(share.cost)} {currency} more for less caching: {moved} {advice}"
        else:
            yield f"{amount(-share.cost)} {currency} saved by caching: {moved}"


def _prices(variance: Variance, currency: str) -> Iterator[str]:
    cheaper = variance.findings.cheaper
    jevons = sorted(
        (each for each in cheaper if each.is_jevons), key=lambda each: (-each.more_use, each.scope, each.model)
    )
    for found in jevons[:NAMED_MAX]:
        ratio = (Decimal(found.more_use) / found.saved).quantize(RATIO_PART).normalize()
        saved = f"Lower prices of {_place(found.scope, found.model)} saved {amount(found.saved)} {currency}"
        more = f"more use of it cost {amount(found.more_use)}: {ratio:f} times what was saved (Jevons)"
        yield f"{saved}, and {more}. Compare what the use is worth."
    others = [each for each in cheaper if not each.is_jevons]
    sum_saved = sum(each.saved for each in others)
    if sum_saved and variance.effects.price < 0:
        back = sum(each.more_use for each in others if each.grew and each.more_use > 0)
        took = f", of which more use took {percent(Decimal(back) / sum_saved)} back" if back else ""
        yield f"Lower prices saved {amount(sum_saved)} {currency}{took}."


def _decimal(share: Fraction) -> Decimal:
    return Decimal(share.numerator) / share.denominator


def is_too_small(change: int, before: int) -> bool:
    """Whether the cost before says nothing as a base: it is less than a twentieth of what it changed by."""
    return 0 < before * BASE_TIMES_MAX < abs(change)


def signed(nanos: int) -> str:
    """As `amount`, with a sign unless it is 0."""
    return f"+{amount(nanos)}" if nanos > 0 else f"{MINUS}{amount(-nanos)}" if nanos < 0 else "0.00"


def amount(nanos: int) -> str:
    """To the cent; to three significant digits where a cent is too coarse."""
    return money(Decimal(nanos).scaleb(-NANO_PLACES)).replace("-", MINUS)


def _share(change: int, before: int) -> str:
    if before <= 0 or is_too_small(change, before):
        return ""
    return f" ({'+' if change > 0 else MINUS}{percent(Decimal(abs(change)) / before)})"
