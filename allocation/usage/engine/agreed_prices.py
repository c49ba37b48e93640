"""Whose price a record has, where its request asks or something was agreed on with its sender."""

from allocation.meters.documents import Fault, Money, UsageEvent
from allocation.prices.engine.pricing import PriceList
from allocation.sources.documents import PriceFrom
from allocation.usage.engine.call_prices import Priced, price_of


def as_agreed(event: UsageEvent, price: PriceFrom) -> UsageEvent:
    """With `billed` what the event claims counts; with the others what it states as its cost is a claim and no more. A
    cost of 0 stays, which says that an operation costs nothing itself, and so does a credit.
    """
    if price == "billed":
        return _billed(event) if event.cost is None else event
    stated = event.cost.amount if isinstance(event.cost, Money) else event.cost
    if stated is None or stated <= 0:
        return event
    return event.model_copy(update={"cost": None, "claimed_cost": event.claimed_cost or event.cost})


def else_billed(event: UsageEvent, priced: Priced, prices: PriceList, at_s: float, billed_by: str) -> Priced:
    """The price as it is, or where it is none or leaves something out, what the event claims; as it is, too, where no
    exchange rate leads from the claim.
    """
    if event.claimed_cost is None or (priced.cost_nanos is not None and not priced.unpriced_meters):
        return priced
    claimed = price_of(_billed(event), prices, at_s, billed_by)
    return priced if isinstance(claimed, Fault) else claimed


def _billed(event: UsageEvent) -> UsageEvent:
    return event if event.claimed_cost is None else event.model_copy(update={"cost": event.claimed_cost})
