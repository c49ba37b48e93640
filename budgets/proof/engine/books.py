"""What an account says of itself beside what its transfers, the accounts below it and open holds come to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from budgets.ledger.engine.funding import Balance
from budgets.plans.engine.amounts import budget_quantity, spoken

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Books:
    """One account, read at one moment, in quantities of the ledger. `moved` is what its transfers come to, `below` what
    the accounts below it were funded with, `open_holds` what open reservations need, `from_others` what it has been
    given by accounts that are not its parent. `misfits` counts transfers out of it that do not lead where their kind
    says, within its unit and organisation; `misfit` is the first of them.
    """

    account_id: int
    is_of_a_budget: bool
    path: str
    unit: str
    start: date | None
    end: date | None
    stated: Balance
    moved: Balance
    below: Decimal = ZERO
    open_holds: Decimal = ZERO
    from_others: Decimal = ZERO
    transfers: int = 0
    misfits: int = 0
    misfit: int | None = None


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that does not add up: `quantity`, of the ledger, is too much, or too little where below zero."""

    account_id: int
    where: str
    unit: str
    said: str
    quantity: Decimal = ZERO

    def sentence(self, currency: str) -> str:
        """Money first, then where and what."""
        money = ""
        if self.quantity:
            direction = "too much" if self.quantity > 0 else "too little"
            money = f"{spoken_quantity(self.unit, abs(self.quantity), currency)} {direction} in "
        number = f" (account {self.account_id})" if self.account_id else ""
        return f"{money}{self.where}{number}: {self.said}."


def flaws_of(books: Books, currency: str) -> Iterator[Flaw]:
    """What does not add up in one account."""
    for said, quantity in (*_led_astray(books), *(_unequal(books, currency) if books.is_of_a_budget else ())):
        yield Flaw(books.account_id, _where(books), books.unit, said, quantity)


def _led_astray(books: Books) -> Iterator[tuple[str, Decimal]]:
    if books.misfits:
        many = f"{books.misfits:,} transfers" if books.misfits > 1 else "1 transfer"
        yield f"{many} out of it, first {books.misfit}, do not lead where such transfers lead", ZERO


def _unequal(books: Books, currency: str) -> Iterator[tuple[str, Decimal]]:
    stated, moved = books.stated, books.moved

    def amount(quantity: Decimal) -> str:
        return spoken_quantity(books.unit, quantity, currency)

    for name, says, come_to in (
        ("funded with", stated.funded, moved.funded),
        ("granted out", stated.granted_out, moved.granted_out),
        ("spent", stated.spent, moved.spent),
        ("held", stated.held, moved.held),
    ):
        if says != come_to:
            yield f"{name} says {amount(says)}, its transfers come to {amount(come_to)}", says - come_to
    if stated.granted_out != books.below:
        said = f"it granted {amount(stated.granted_out)}, the accounts below it have {amount(books.below)}"
        yield said, stated.granted_out - books.below
    if stated.granted_out > stated.funded:
        said = f"it granted {amount(stated.granted_out)} of {amount(stated.funded)}"
        yield said, stated.granted_out - stated.funded
    if stated.held != books.open_holds:
        said = f"it holds {amount(stated.held)}, open reservations need {amount(books.open_holds)}"
        yield said, stated.held - books.open_holds
    if books.from_others:
        yield f"{amount(books.from_others)} of its money came from accounts that are not its parent", ZERO


def _where(books: Books) -> str:
    days = f", {books.start} to {books.end}" if books.start is not None else ""
    return f"{books.path}{days}, {books.unit}"


def spoken_quantity(unit: str, quantity: Decimal, currency: str) -> str:
    """A quantity of the ledger in words."""
    return spoken(unit, budget_quantity(unit, quantity), currency if unit == "money" else "")


@dataclass(frozen=True, slots=True)
class Totals:
    """An organisation's accounts in one unit, at one moment: what they were given from outside, and where it is."""

    unit: str
    accounts: int
    given: Decimal
    spent: Decimal
    held: Decimal
    available: Decimal

    @property
    def unaccounted(self) -> Decimal:
        """What is spent, held or available and was never given; below zero where something is gone."""
        return self.spent + self.held + self.available - self.given

    def sentence(self, currency: str) -> str:
        """What was given and where it is."""
        given, spent, held, left = (
            spoken_quantity(self.unit, quantity, currency)
            for quantity in (self.given, self.spent, self.held, self.available)
        )
        accounts = f"{self.accounts:,} accounts" if self.accounts != 1 else "1 account"
        return f"{given} given = {spent} spent + {held} held + {left} available, in {accounts}"


FLAWS_KEPT = 50


@dataclass(slots=True)
class Proof:
    """The books of an organisation, added up one by one: all flaws are counted, the first of them stay."""

    organisation: str
    currency: str
    totals: Sequence[Totals]
    transfers: int = 0
    flaws: list[Flaw] = field(default_factory=list)
    flaws_found: int = 0

    def __post_init__(self) -> None:
        for totals in self.totals:
            if totals.unaccounted:
                where = f"{self.organisation}, {totals.unit}"
                self._keep(Flaw(0, where, totals.unit, "what was given is not what lies there", totals.unaccounted))

    def add(self, portion: Iterable[Books]) -> None:
        """Adds accounts."""
        for books in portion:
            self.transfers += books.transfers
            for flaw in flaws_of(books, self.currency):
                self._keep(flaw)

    def _keep(self, flaw: Flaw) -> None:
        self.flaws_found += 1
        if len(self.flaws) < FLAWS_KEPT:
            self.flaws.append(flaw)
