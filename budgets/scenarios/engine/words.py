"""A scenario in sentences, money first."""

from collections.abc import Iterator
from decimal import Decimal

from budgets.plans.engine.amounts import rounded
from budgets.scenarios.engine.repricing import Repriced

STEP_WORDS = {
    "replaced": "other models do the work",
    "tokens": "tasks take other amounts of tokens",
    "prices": "prices change",
    "subsidies": "subsidies end",
}
HUNDRED = Decimal(100)


def signed(amount: Decimal, currency: str) -> str:
    """`+12.00 USD`."""
    return f"{'+' if amount >= 0 else '−'}{rounded('money', abs(amount), currency)}"


def sentences(repriced: Repriced, *, days: int, currency: str) -> Iterator[str]:
    """What the same work would cost, why, and what is not in it."""
    before, after = (rounded("money", each, currency) for each in (repriced.recorded, repriced.repriced))
    change = repriced.repriced - repriced.recorded
    share = f" ({change / repriced.recorded * HUNDRED:+.1f} %)".replace("-", "−") if repriced.recorded else ""
    yield f"{after} instead of {before} in {days} days: {signed(change, currency)}{share}."
    parts = [f"{STEP_WORDS[name]}: {signed(each, currency)}" for name, each in repriced.steps.items() if each]
    if len(parts) > 1:
        yield f"In this order: {'; '.join(parts)}."
    for model in repriced.models:
        if model.meters_without_price:
            meters = ", ".join(model.meters_without_price)
            yield f"Not in it: {meters} of {model.model}, for which {model.by} has no price."


def budget_sentence(*, amount: Decimal, days_of_period: int, repriced: Repriced, days: int, currency: str) -> str:
    """What the budget of a period would have to be, at the pace of the days recorded."""
    now, then = (each / days * days_of_period for each in (repriced.recorded, repriced.repriced))
    whole = rounded("money", then, currency)
    left = amount - then
    state = (
        f"leaves {rounded('money', left, currency)}"
        if left >= 0
        else f"lacks {rounded('money', -left, currency)}, and would have to be {then / amount:.2f} times as large"
    )
    return (
        f"At this pace a period of {days_of_period} days costs {whole}, now {rounded('money', now, currency)}: the"
        f" budget of {rounded('money', amount, currency)} {state}."
    )
