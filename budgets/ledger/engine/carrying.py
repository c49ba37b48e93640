"""What goes on into the next period when one has ended: entries computed before any is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from budgets.ledger.engine.funding import Balance, Entry

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class CarryTerms:
    """What a budget carries over, as approved; `most` is a quantity of the ledger, either way, None for no bound."""

    unspent: bool = False
    overspend: bool = False
    most: Decimal | None = None

    def carried(self, result: Decimal) -> Decimal:
        """What goes on of a period that ended with `result` left, below zero where it was overspent."""
        if (result > 0 and not self.unspent) or (result < 0 and not self.overspend):
            return ZERO
        return result if self.most is None else max(-self.most, min(result, self.most))


@dataclass(frozen=True, slots=True)
class Closing:
    """An account whose period has ended and the one of the next period. `carried_in` is what the next one has been
    carried so far, `carried_out` what left the ended one for it; both below zero where overspending went on.
    """

    ended: int
    ended_parent: int
    following: int
    following_parent: int
    depth: int
    terms: CarryTerms
    carried_in: Decimal = ZERO
    carried_out: Decimal = ZERO
    shortfall: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Carried:
    """What a closing comes to now; `entries` are written by one statement. Amounts are totals, not changes."""

    closing: Closing
    carried_in: Decimal
    carried_out: Decimal
    shortfall: Decimal


@dataclass(frozen=True, slots=True)
class Carrying:
    """The entries, and the closings that they change."""

    entries: tuple[Entry, ...] = ()
    changed: tuple[Carried, ...] = ()


def carry(
    closings: Iterable[Closing],
    balances: Mapping[int, Balance],
    *,
    overspent_below: Mapping[int, Decimal],
    sources: frozenset[int],
) -> Carrying:
    """What is missing from what the terms of each say, so that a second run, and one after late charges, is right too.

    Money goes up first, from the lowest accounts on: what was left to the account above, or, for what was overspent,
    from the next period's account to the one above that. Then it goes down again, as far as the account above has
    some; the rest is the shortfall of the next period. `overspent_below` is what the accounts right below an ended one
    lack, by account, above zero: who carries overspending carries that too. No balance given is changed.
    """
    now = {key: Balance(value.funded, value.granted_out, value.spent, value.held) for key, value in balances.items()}
    books = _Books(now, sources)
    ordered = sorted(closings, key=lambda each: (-each.depth, each.ended))
    moved: dict[int, Decimal] = {}
    missing: dict[int, Decimal] = {}
    out: dict[int, Decimal] = {}
    for closing in ordered:
        result = books.left(closing.ended) + closing.carried_out - overspent_below.get(closing.ended, ZERO)
        change = closing.terms.carried(result) - closing.carried_in
        missing[closing.ended] = ZERO
        if change > 0:
            moved[closing.ended] = change
            out[closing.ended] = books.up(closing.ended, closing.ended_parent, min(change, books.left(closing.ended)))
        elif change < 0:
            filled = min(-change, closing.shortfall)
            back = books.up(closing.following, closing.following_parent, -change - filled)
            moved[closing.ended], missing[closing.ended] = -filled - back, -filled
            out[closing.ended] = -_covered(books, closing, filled + back)
    for closing in reversed(ordered):
        if moved.get(closing.ended, ZERO) > 0:
            given = books.down(closing.following_parent, closing.following, moved[closing.ended])
            missing[closing.ended] = moved[closing.ended] - given
    changed = tuple(
        Carried(
            each, each.carried_in + moved[each.ended], each.carried_out + out[each.ended],
            each.shortfall + missing[each.ended],
        )
        for each in ordered
        if moved.get(each.ended)
    )  # fmt: skip
    return Carrying(tuple(books.entries), changed)


def _covered(books: "_Books", closing: Closing, amount: Decimal) -> Decimal:
    """What an ended account gets of what the next period paid: all where both are funded from one account, or from
    outside; where the accounts above are two, the money stays with the later one.
    """
    if closing.ended_parent != closing.following_parent and closing.ended_parent not in books.sources:
        return ZERO
    return books.down(closing.ended_parent, closing.ended, amount)


class _Books:
    """Balances as they are after the entries so far."""

    def __init__(self, now: Mapping[int, Balance], sources: frozenset[int]) -> None:
        self.now, self.sources = now, sources
        self.entries: list[Entry] = []

    def left(self, account: int) -> Decimal:
        """What an account has left, below zero when overspent. Credits beyond what was spent are no money of it."""
        own = self.now[account]
        return own.funded - own.granted_out - own.held - max(own.spent, ZERO)

    def up(self, account: int, parent: int, amount: Decimal) -> Decimal:
        """Returns as much of `amount` as the account can give, and how much that was. What is spent beyond what is free
        does not keep it: the account is then overspent.
        """
        own = self.now[account]
        given = max(min(amount, own.funded - own.granted_out - own.held), ZERO)
        if given:
            own.funded -= given
            if parent not in self.sources:
                self.now[parent].granted_out -= given
            self.entries.append(Entry("return", parent, account, given))
        return given

    def down(self, parent: int, account: int, amount: Decimal) -> Decimal:
        """Grants as much of `amount` as the parent has, and how much that was."""
        given = amount if parent in self.sources else max(min(amount, self.now[parent].available), ZERO)
        if given:
            self.now[account].funded += given
            if parent not in self.sources:
                self.now[parent].granted_out += given
            self.entries.append(Entry("fund" if parent in self.sources else "grant", account, parent, given))
        return given
