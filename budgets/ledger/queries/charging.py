"""Which account carries the usage of a scope on a day: from memory, valid for one version of coverage and tree."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef

from budgets.ledger.engine.charging import Cover
from budgets.ledger.models import Account
from budgets.plans.engine.periods import Period
from budgets.plans.models import Budget
from governance.calendar.engine import DAY
from governance.memory.queries import VersionedMemory
from governance.scopes.engine import nearest
from governance.scopes.queries import ScopeTree, scope_tree

DAYS_KEPT = 62


@dataclass(slots=True)
class DayCoverage:
    """The open accounts of one day. `nearest` remembers what it has answered."""

    accounts: Mapping[str, Mapping[int, int]]
    answers: dict[tuple[str, int], int | None] = field(default_factory=dict)

    def nearest(self, unit: str, lineage: tuple[int, ...]) -> int | None:
        asked = (unit, lineage[0])
        if asked not in self.answers:
            self.answers[asked] = nearest(lineage, self.accounts[unit])
        return self.answers[asked]


@dataclass(slots=True)
class Coverage:
    """Never changed in meaning: a new version is a new object, so a reader that holds the old one is not confused."""

    version: UUID | None
    tree: ScopeTree
    days: dict[date, DayCoverage] = field(default_factory=dict)
    looked_at: set[date] = field(default_factory=set)
    ends: dict[tuple[int, str], int] = field(default_factory=dict)

    def of(self, days: Iterable[date]) -> dict[date, DayCoverage]:
        wanted = set(days)
        found = {day: self.days[day] for day in wanted if day in self.days}
        missing = sorted(wanted - found.keys())
        if missing:
            found |= _load(missing)
            self.days = {**(self.days if len(self.days) + len(missing) <= DAYS_KEPT else {}), **found}
        return found

    def end_of_spending(self, root_id: int, unit: str) -> int:
        if (root_id, unit) not in self.ends:
            found = Account.objects.filter(kind=Account.Kind.SPENT).values_list("scope_id", "unit", "id")
            self.ends = {(scope_id, of_unit): account_id for scope_id, of_unit, account_id in found}
        return self.ends[root_id, unit]


def _load(days: list[date]) -> dict[date, DayCoverage]:
    accounts = list(
        Account.objects.overlapping(days[0], days[-1] + DAY)
        .order_by()
        .only("unit", "scope_id", "period_start", "period_end")
    )
    found = {}
    for day in days:
        by_unit: dict[str, dict[int, int]] = {}
        for account in accounts:
            if account.interval.contains(day):
                by_unit.setdefault(account.unit, {})[account.scope_id] = account.pk
        found[day] = DayCoverage(by_unit)
    return found


_coverages: VersionedMemory[tuple[UUID | None, ScopeTree], Coverage] = VersionedMemory()


def coverage_version() -> UUID | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM budgets_coverageversion")
        row = cursor.fetchone()
    return row[0] if row else None


def coverage() -> Coverage:
    """Never stale: two tiny queries tell that nothing has changed. Ask under the posting lock for an answer that stays
    true.
    """
    version, tree = coverage_version(), scope_tree()
    return _coverages.of((version, tree), lambda: Coverage(version, tree))


def last_known_coverage() -> Coverage | None:
    """Out of date without bound, and perhaps of a transaction not committed: good for deciding whether to look closer,
    never for posting.
    """
    return _coverages.last_known()


def covers(*, unit: str, scope_ids: Iterable[int], start: date, end: date) -> list[Cover]:
    rows = Account.objects.overlapping(start, end).filter(unit=unit, scope_id__in=list(scope_ids)).order_by("id")
    return [Cover(account.pk, account.scope_id, account.interval) for account in rows]


def unopened(days: Iterable[date]) -> list[tuple[Budget, Period]]:
    """Approved budgets and their periods on these days that have no account yet; root first, longer periods first."""
    wanted: dict[tuple[int, date], tuple[Budget, Period]] = {}
    for day in sorted(set(days)):
        opened = Account.objects.of_budgets().filter(
            scope=OuterRef("scope"), unit=OuterRef("unit"), period_start__lte=day, period_end__gt=day
        )
        due = Budget.objects.in_force(day).filter(~Exists(opened), status=Budget.Status.APPROVED)
        for budget in due.select_related("scope"):
            period = budget.period_on(day)
            if period is not None:
                wanted[budget.pk, period.start] = (budget, period)
    return sorted(
        wanted.values(), key=lambda item: (item[0].scope.depth, -item[1].days, item[1].start, item[0].scope_id)
    )
