"""How accounts that open, or get another parent, are funded: entries computed before any is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(slots=True)
class Balance:
    """What an account was funded with, granted to accounts below, spent and holds, in quantities of the ledger."""

    funded: Decimal = ZERO
    granted_out: Decimal = ZERO
    spent: Decimal = ZERO
    held: Decimal = ZERO

    @property
    def available(self) -> Decimal:
        """What could still be granted, held or spent; below zero when overspent."""
        return self.funded - self.granted_out - self.spent - self.held


@dataclass(frozen=True, slots=True)
class Adoption:
    """An open account that gets the account opening now as its parent: its funding is returned to `former_parent` and
    granted again from the new one.
    """

    account_id: int
    former_parent: int
    funded: Decimal


@dataclass(frozen=True, slots=True)
class Opening:
    """An account to be funded with `amount` by its parent, and the accounts whose parent it becomes."""

    account_id: int
    parent_id: int
    amount: Decimal
    adopts: tuple[Adoption, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A transfer to be written: `amount` moves from the account `credit` to the account `debit`."""

    kind: str
    debit: int
    credit: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Funding:
    """`entries` are written by one statement. By account: `shortfalls` is what its amount lacks, `available` what its
    parent could give, `uncovered` what it lacks to take over its adoptions, which then keep their parent.
    """

    entries: tuple[Entry, ...]
    shortfalls: Mapping[int, Decimal]
    available: Mapping[int, Decimal]
    uncovered: Mapping[int, Decimal] = field(default_factory=dict)


def fund(openings: Iterable[Opening], balances: Mapping[int, Balance], sources: frozenset[int]) -> Funding:
    """Funds the openings in order, parents first. A parent gives what it has left; an account of `sources` gives any
    amount.

    `balances` are those before, by account; they are not changed.
    """
    now = {key: Balance(value.funded, value.granted_out, value.spent, value.held) for key, value in balances.items()}
    entries: list[Entry] = []
    shortfalls: dict[int, Decimal] = {}
    available: dict[int, Decimal] = {}
    uncovered: dict[int, Decimal] = {}
    for opening in openings:
        own, parent = now[opening.account_id], now.get(opening.parent_id, Balance())
        adopted = sum((item.funded for item in opening.adopts), ZERO)
        freed = sum((item.funded for item in opening.adopts if item.former_parent == opening.parent_id), ZERO)
        left = opening.amount if opening.parent_id in sources else max(parent.available + freed, ZERO)
        given = min(left, opening.amount)
        if adopted > given:
            uncovered[opening.account_id] = adopted - given
        else:
            for item in opening.adopts:
                now.get(item.former_parent, Balance()).granted_out -= item.funded
                own.granted_out += item.funded
                entries.append(Entry("return", item.former_parent, item.account_id, item.funded))
                entries.append(Entry("grant", item.account_id, opening.account_id, item.funded))
        if given:
            kind = "fund" if opening.parent_id in sources else "grant"
            entries.append(Entry(kind, opening.account_id, opening.parent_id, given))
        parent.granted_out += given
        own.funded += given
        available[opening.account_id] = left
        if given < opening.amount:
            shortfalls[opening.account_id] = opening.amount - given
    return Funding(tuple(entry for entry in entries if entry.amount), shortfalls, available, uncovered)
