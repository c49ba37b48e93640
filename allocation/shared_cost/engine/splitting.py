"""One amount split over recipients by weight: ratios sum to exactly 1 and parts to exactly the amount.

Both by largest remainder: everybody gets the whole units of their exact part, and the units left over go to the
largest remainders, ties to the path that comes first. So the order of recipients does not matter, a heavier recipient
never gets less than a lighter one, and no part is a whole unit away from its exact value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from allocation.meters.engine.apportion import AMOUNT_PLACES, apportion, exact_units, of_units

RATIO_PLACES = 12
# Quantities have at most nine places, percentages six.
WEIGHT_PLACES = 12

WhenZero = Literal["even", "keep_in_pool", "fail"]
Departed = Literal["redistribute", "keep_in_pool", "to_parent"]
# The rule noted on what the pool keeps because there was nobody to give it to.
NOBODY = "nobody to share to: kept in the pool"
NEGATIVE = "usage below zero: counts as none"


@dataclass(frozen=True, slots=True)
class Recipient:
    """`path` is the scope as the document or the tree names it; `quantity` is what drives its share, in the method's
    unit. A departed one is no longer there at the end of the period: `heir` is the nearest scope above it that is.
    """

    path: str
    quantity: Decimal
    is_departed: bool = False
    heir: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """`target` is the scope that bears it, empty for the pool itself; `rule` is the named rule that made it so, empty
    where the plain method did.
    """

    recipient: str
    target: str
    ratio: Decimal
    amount: Decimal
    quantity: Decimal
    rule: str = ""


class NothingToSplitBy(ValueError):
    """The document says `when_zero: fail`, and the quantities sum to zero or nobody is there."""


def split(
    amount: Decimal, recipients: Sequence[Recipient], *, when_zero: WhenZero, departed: Departed
) -> tuple[Share, ...]:
    """One share per recipient, those with nothing too, in the order of their paths; negative amounts (corrections)
    split as their opposites do.
    """
    takers = [one for one in recipients if not one.is_departed or departed != "redistribute"]
    weights = {one.path: max(exact_units(one.quantity, WEIGHT_PLACES), 0) for one in takers}
    zero_rule = ""
    if not sum(weights.values()):
        present = [one for one in recipients if not one.is_departed]
        if when_zero == "fail":
            raise NothingToSplitBy("nobody to share to" if not present else "the quantities to share by sum to zero")
        if when_zero == "keep_in_pool" or not present:
            rule = NOBODY if not present else "when_zero: keep_in_pool"
            kept = Share("", "", Decimal(1), amount, Decimal(0), rule)
            return (kept, *(_nothing(one, departed) for one in _in_order(recipients)))
        zero_rule = "when_zero: even"
        weights = {one.path: 1 for one in present}
    # Equal remainders go to the first, so the order has to be the paths' own.
    paths = sorted(weights)
    in_order = [weights[path] for path in paths]
    ratios = dict(zip(paths, apportion(10**RATIO_PLACES, in_order), strict=True))
    parts = dict(zip(paths, apportion(exact_units(amount, AMOUNT_PLACES), in_order), strict=True))
    return tuple(
        Share(
            recipient=one.path,
            target=_bearer(one, departed),
            ratio=of_units(ratios[one.path], RATIO_PLACES),
            amount=of_units(parts[one.path], AMOUNT_PLACES),
            quantity=one.quantity,
            rule=_rules(one, departed, zero_rule),
        )
        if one.path in weights
        else _nothing(one, departed)
        for one in _in_order(recipients)
    )


def _in_order(recipients: Iterable[Recipient]) -> list[Recipient]:
    return sorted(recipients, key=lambda one: one.path)


def _bearer(recipient: Recipient, departed: Departed) -> str:
    if not recipient.is_departed:
        return recipient.path
    return recipient.heir if departed == "to_parent" else ""


def _nothing(recipient: Recipient, departed: Departed) -> Share:
    """Somebody who bears nothing is named all the same."""
    target = "" if recipient.is_departed else recipient.path
    return Share(recipient.path, target, Decimal(0), Decimal(0), recipient.quantity, _rules(recipient, departed, ""))


def _rules(recipient: Recipient, departed: Departed, zero_rule: str) -> str:
    rules = [zero_rule] if zero_rule and not recipient.is_departed else []
    if recipient.is_departed:
        rules.append(f"departed: {departed}")
    if recipient.quantity < 0:
        rules.append(NEGATIVE)
    return "; ".join(rules)
