"""How accounts that open, or change hands, are funded: entries of the ledger computed before any is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(slots=True)
class Balance:
    """What an account has been given, has given away and has spent."""

    funded: Decimal = ZERO
    granted_out: Decimal = ZERO
    spent: Decimal = ZERO

    @property
    def available(self) -> Decimal:
        return self.funded - self.granted_out - self.spent


@dataclass(frozen=True, slots=True)
class Adoption:
    """An open account that would have been funded by the one that opens now, had that been there first."""

    account_id: int
    former_parent: int
    funded: Decimal


@dataclass(frozen=True, slots=True)
class Opening:
    account_id: int
    parent_id: int
    amount: Decimal
    adopts: tuple[Adoption, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    kind: str
    debit: int
    credit: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Funding:
    """`entries` are one change, written by one statement. `shortfalls` by account; `available` at its parent."""

    entries: tuple[Entry, ...]
    shortfalls: Mapping[int, Decimal]
    available: Mapping[int, Decimal]
    uncovered: Mapping[int, Decimal] = field(default_factory=dict)


def fund(openings: Iterable[Opening], balances: Mapping[int, Balance], sources: frozenset[int]) -> Funding:
    """Openings root first. A parent gives what it has left; a source gives anything.

    `uncovered`: what an opening could not carry of the accounts it would adopt; those then keep their parent.
    """
    now = {key: Balance(value.funded, value.granted_out, value.spent) for key, value in balances.items()}
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
