"""Which account is charged for the usage of a scope on a day: in memory, for one CoverageVersion and one scope tree."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef

from budgets.ledger.engine.charging import OpenAccount
from budgets.ledger.models import Account
from budgets.plans.engine.periods import Period
from budgets.plans.models import Budget
from governance.calendar.engine import DAY
from governance.memory.queries import VersionedMemory
from governance.scopes.engine import nearest
from governance.scopes.queries import ScopeTree, scope_tree

DAYS_KEPT = 62


@dataclass(slots=True)
class DayAccounts:
    """The open accounts of one day: by unit, the account's id by scope id. `nearest` keeps its answers."""

    accounts: Mapping[str, Mapping[int, int]]
    answers: dict[tuple[str, int], int | None] = field(default_factory=dict)

    def nearest(self, unit: str, lineage: tuple[int, ...]) -> int | None:
        """The id of the account charged for the first scope of `lineage`, which goes up to the root; None for none."""
        question = (unit, lineage[0])
        if question not in self.answers:
            self.answers[question] = nearest(lineage, self.accounts[unit])
        return self.answers[question]


@dataclass(slots=True)
class ChargedAccounts:
    """What one version of the accounts and of the scope tree says. Days are read when first needed; another version is
    another object, so who holds an old one sees no change. `days_checked` had no budget left to open.
    """

    version: UUID | None
    tree: ScopeTree
    days: dict[date, DayAccounts] = field(default_factory=dict)
    days_checked: set[date] = field(default_factory=set)
    other_accounts: dict[tuple[int, str, str], int] = field(default_factory=dict)

    def of(self, days: Iterable[date]) -> dict[date, DayAccounts]:
        """The open accounts of each of these days."""
        wanted = set(days)
        known = {day: self.days[day] for day in wanted if day in self.days}
        missing = sorted(wanted - known.keys())
        if missing:
            known |= _load(missing)
            self.days = {**(self.days if len(self.days) + len(missing) <= DAYS_KEPT else {}), **known}
        return known

    def spent_account(self, root_id: int, unit: str) -> int:
        """The id of the account where an organisation's spending goes. KeyError when it has none for the unit yet."""
        return self._other(root_id, unit, Account.Kind.SPENT)

    def held_account(self, root_id: int, unit: str) -> int:
        """The id of the account where lies what is held. KeyError when the organisation has none for the unit yet."""
        return self._other(root_id, unit, Account.Kind.HELD)

    def _other(self, root_id: int, unit: str, kind: str) -> int:
        if (root_id, unit, kind) not in self.other_accounts:
            rows = Account.objects.filter(kind__in=(Account.Kind.SPENT, Account.Kind.HELD))
            self.other_accounts = {
                (scope_id, of_unit, of_kind): account_id
                for scope_id, of_unit, of_kind, account_id in rows.values_list("scope_id", "unit", "kind", "id")
            }
        return self.other_accounts[root_id, unit, kind]


def _load(days: list[date]) -> dict[date, DayAccounts]:
    accounts = list(
        Account.objects.overlapping(days[0], days[-1] + DAY)
        .order_by()
        .only("unit", "scope_id", "period_start", "period_end")
    )
    by_day = {}
    for day in days:
        by_unit: dict[str, dict[int, int]] = {}
        for account in accounts:
            if account.interval.contains(day):
                by_unit.setdefault(account.unit, {})[account.scope_id] = account.pk
        by_day[day] = DayAccounts(by_unit)
    return by_day


_memory: VersionedMemory[tuple[UUID | None, ScopeTree], ChargedAccounts] = VersionedMemory()


def coverage_version() -> UUID | None:
    """The stored version; None before the first account was opened."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM budgets_coverageversion")
        row = cursor.fetchone()
    return row[0] if row else None


def charged_accounts(version: UUID | None, tree: ScopeTree) -> ChargedAccounts:
    """Those of the stored version and the tree of scopes, which are never stale where they were read under the posting
    lock.
    """
    return _memory.of((version, tree), lambda: ChargedAccounts(version, tree))


def last_known_charged_accounts() -> ChargedAccounts | None:
    """May be stale without bound, and may come from a transaction that was not committed: enough to decide whether to
    look again, never for posting. None before the first call of `charged_accounts`.
    """
    return _memory.last_known()


def open_accounts(*, unit: str, scope_ids: Iterable[int], start: date, end: date) -> list[OpenAccount]:
    """Those of these scopes that are open on a day of [start, end), ordered by id."""
    rows = Account.objects.overlapping(start, end).filter(unit=unit, scope_id__in=list(scope_ids)).order_by("id")
    return [OpenAccount(account.pk, account.scope_id, account.interval) for account in rows]


def unopened(days: Iterable[date], *, root_id: int | None = None) -> list[tuple[Budget, Period]]:
    """Approved budgets, if given only of one organisation, and their periods on these days without an account yet;
    parents first, longer periods first.
    """
    wanted: dict[tuple[int, date], tuple[Budget, Period]] = {}
    for day in sorted(set(days)):
        opened = Account.objects.of_budgets().filter(
            scope=OuterRef("scope"), unit=OuterRef("unit"), period_start__lte=day, period_end__gt=day
        )
        due = Budget.objects.in_force(day).filter(~Exists(opened), status=Budget.Status.APPROVED)
        if root_id is not None:
            due = due.filter(scope_id__in=scope_tree().descendants(root_id))
        for budget in due.select_related("scope"):
            period = budget.period_on(day)
            if period is not None:
                wanted[budget.pk, period.start] = (budget, period)
    return sorted(
        wanted.values(), key=lambda item: (item[0].scope.depth, -item[1].days, item[1].start, item[0].scope_id)
    )
