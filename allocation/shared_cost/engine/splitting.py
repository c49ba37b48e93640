"""One amount split over recipients by weight: ratios sum to exactly 1 and parts to exactly the amount.

Both are rounded by largest remainder: everybody gets the whole units of their exact part, and the units left over go to
the largest remainders, at equal remainders to the path that sorts first. So the order of recipients does not matter, a
heavier recipient never gets less than a lighter one, and no part is a whole unit away from its exact value.
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
# Rules noted on shares.
NO_RECIPIENT = "nobody to share to: kept in the pool"
NEGATIVE_USAGE = "usage below zero: counts as none"


@dataclass(frozen=True, slots=True)
class Recipient:
    """`path` is the scope as the document or the tree names it; `quantity` drives its share, in the method's unit. A
    departed one no longer exists at the end of the period: `heir` is the nearest scope above it that does.
    """

    path: str
    quantity: Decimal
    is_departed: bool = False
    heir: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """A recipient's part. `target` is the path of the scope that bears it, empty for the pool itself; `rule` names the
    rules that were applied beside the method, empty for none.
    """

    recipient: str
    target: str
    ratio: Decimal
    amount: Decimal
    quantity: Decimal
    rule: str = ""


class NothingToSplitBy(ValueError):
    """The document says `when_zero: fail`, and the quantities sum to zero or there is no recipient."""


def split(
    amount: Decimal, recipients: Sequence[Recipient], *, when_zero: WhenZero, departed: Departed
) -> tuple[Share, ...]:
    """One share per recipient in the order of their paths, also where it is zero, preceded by the pool's own if the
    pool keeps the amount. Negative amounts (from corrections) are split as their opposites are. Raises
    NothingToSplitBy.
    """
    sharing = [each for each in recipients if not each.is_departed or departed != "redistribute"]
    weights = {each.path: max(exact_units(each.quantity, WEIGHT_PLACES), 0) for each in sharing}
    zero_rule = ""
    if not sum(weights.values()):
        present = [each for each in recipients if not each.is_departed]
        if when_zero == "fail":
            raise NothingToSplitBy("nobody to share to" if not present else "the quantities to share by sum to zero")
        if when_zero == "keep_in_pool" or not present:
            rule = NO_RECIPIENT if not present else "when_zero: keep_in_pool"
            kept = Share("", "", Decimal(1), amount, Decimal(0), rule)
            return (kept, *(_zero_share(each, departed) for each in _by_path(recipients)))
        zero_rule = "when_zero: even"
        weights = {each.path: 1 for each in present}
    # Equal remainders go to the first, so weights are in the order of paths.
    paths = sorted(weights)
    in_order = [weights[path] for path in paths]
    ratios = dict(zip(paths, apportion(10**RATIO_PLACES, in_order), strict=True))
    parts = dict(zip(paths, apportion(exact_units(amount, AMOUNT_PLACES), in_order), strict=True))
    return tuple(
        Share(
            recipient=each.path,
            target=_bearer(each, departed),
            ratio=of_units(ratios[each.path], RATIO_PLACES),
            amount=of_units(parts[each.path], AMOUNT_PLACES),
            quantity=each.quantity,
            rule=_rules(each, departed, zero_rule),
        )
        if each.path in weights
        else _zero_share(each, departed)
        for each in _by_path(recipients)
    )


def _by_path(recipients: Iterable[Recipient]) -> list[Recipient]:
    return sorted(recipients, key=lambda recipient: recipient.path)


def _bearer(recipient: Recipient, departed: Departed) -> str:
    if not recipient.is_departed:
        return recipient.path
    return recipient.heir if departed == "to_parent" else ""


def _zero_share(recipient: Recipient, departed: Departed) -> Share:
    """A recipient that bears nothing has a share all the same."""
    target = "" if recipient.is_departed else recipient.path
    return Share(recipient.path, target, Decimal(0), Decimal(0), recipient.quantity, _rules(recipient, departed, ""))


def _rules(recipient: Recipient, departed: Departed, zero_rule: str) -> str:
    rules = [zero_rule] if zero_rule and not recipient.is_departed else []
    if recipient.is_departed:
        rules.append(f"departed: {departed}")
    if recipient.quantity < 0:
        rules.append(NEGATIVE_USAGE)
    return "; ".join(rules)
