"""Where the money of an account is: what it kept, and what each account below it has made of its part."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet

from budgets.ledger.models import Account
from budgets.ledger.queries.facts import ZERO, Below, totals_below
from governance.people.rules import Actor

LINES = 200


@dataclass(frozen=True, slots=True)
class Parts:
    """What was allocated, and what became of it, in quantities of the ledger; with all below, each column counted from
    the accounts themselves, so that `difference` is 0 where nothing is lost.
    """

    allocated: Decimal = ZERO
    spent: Decimal = ZERO
    held: Decimal = ZERO
    available: Decimal = ZERO

    @property
    def difference(self) -> Decimal:
        return self.allocated - self.spent - self.held - self.available

    def plus(self, other: "Parts") -> "Parts":
        return Parts(
            self.allocated + other.allocated, self.spent + other.spent, self.held + other.held,
            self.available + other.available,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One account with all below it."""

    account: Account
    parts: Parts
    has_below: bool


@dataclass(frozen=True, slots=True)
class Division:
    """An account with all below it, what it kept for itself, and the accounts below it from number `first` on, at most
    LINES of them, the largest first; `others` are the `others_count` that are not shown.
    """

    whole: Line
    kept: Parts
    lines: Sequence[Line]
    first: int
    others: Parts
    others_count: int

    @property
    def added(self) -> Parts:
        """What was kept and all below, added up: equal to the whole, or something is lost."""
        return sum_of([self.kept, self.others, *(line.parts for line in self.lines)])


def sum_of(parts: Iterable[Parts]) -> Parts:
    total = Parts()
    for each in parts:
        total = total.plus(each)
    return total


def divided(account: Account, *, first: int = 0) -> Division:
    """Three queries, however much lies below."""
    rows = Account.objects.filter(parent=account).order_by("-funded", "scope__path", "period_start")
    funded = dict(rows.values_list("pk", "funded"))
    ids = list(funded)
    shown = ids[first : first + LINES]
    known = totals_below([account.pk, *ids])
    accounts = Account.objects.filter(pk__in=shown).select_related("scope", "budget").in_bulk()
    others = [each for each in ids if each not in accounts]
    return Division(
        whole=_line(account, known[account.pk]),
        kept=Parts(account.funded - account.granted_out, account.spent, account.held, account.available),
        lines=[_line(accounts[each], known[each]) for each in shown],
        first=first,
        others=sum_of(_parts(funded[each], known[each]) for each in others),
        others_count=len(others),
    )


def topmost(actor: Actor, *, day: date) -> list[Line]:
    """The accounts open on the day above which the actor sees no other, at most LINES; by unit, the largest first. Two
    queries.
    """
    seen: QuerySet[Account] = Account.objects.visible_to(actor).of_budgets()
    tops = (
        seen.filter(period_start__lte=day, period_end__gt=day)
        .exclude(parent__in=seen.values("pk"))
        .select_related("scope", "budget")
        .order_by("unit", "-funded", "scope__path")
    )
    accounts = list(tops[:LINES])
    known = totals_below([account.pk for account in accounts]) if accounts else {}
    return [_line(account, known[account.pk]) for account in accounts]


def _line(account: Account, below: Below) -> Line:
    return Line(account, _parts(account.funded, below), has_below=account.granted_out > 0)


def _parts(funded: Decimal, below: Below) -> Parts:
    return Parts(funded, below.spent, below.held, below.available)
