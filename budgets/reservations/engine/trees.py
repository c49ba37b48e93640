"""What reservations of one tree take from each other: a child draws from its parent, the root from an account."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

ZERO = Decimal(0)


class Branch(Protocol):
    """One reservation, in quantities of the ledger. `spent` is what it and all below it have used; `drawn` what is
    gone of `amount`: its own use and, of each child, what that takes.
    """

    amount: Decimal
    spent: Decimal
    drawn: Decimal

    @property
    def is_open(self) -> bool: ...


def taken(branch: Branch) -> Decimal:
    """What a branch takes of its parent: all that it holds while it is open, or more where it used more; what it used
    once it has ended.
    """
    return max(branch.amount, branch.drawn) if branch.is_open else branch.spent


def free(branch: Branch) -> Decimal:
    """What can still be drawn from it; below zero where more was used than it holds."""
    return branch.amount - branch.drawn


def still_held(root: Branch) -> Decimal:
    """What the account of the root still has to hold: what was used of it has been charged."""
    return max(root.amount - root.spent, ZERO) if root.is_open else ZERO


def draw(parent: Branch, amount: Decimal) -> None:
    """A child takes `amount`, which is free."""
    parent.drawn += amount


def spend(chain: Sequence[Branch], quantity: Decimal) -> None:
    """The last of the chain used `quantity`; below zero where less was used than was stated. `chain` goes from the root
    down.
    """
    more_drawn = quantity
    for branch in reversed(chain):
        before = taken(branch)
        branch.spent += quantity
        branch.drawn += more_drawn
        more_drawn = taken(branch) - before


def changed(chain: Sequence[Branch], before: Decimal) -> None:
    """The last of the chain has ended, or holds another amount: it took `before` of its parent."""
    more_drawn = taken(chain[-1]) - before
    for branch in reversed(chain[:-1]):
        took = taken(branch)
        branch.drawn += more_drawn
        more_drawn = taken(branch) - took
