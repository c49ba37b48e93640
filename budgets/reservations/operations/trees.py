"""Trees of reservations while they change: locked by their roots, then written at once with what the ledger holds."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q

from budgets.ledger.engine.funding import Entry
from budgets.reservations.engine import trees
from budgets.reservations.models import Reservation

WRITTEN = (
    "amount", "spent", "drawn", "stated", "held", "drawn_told", "settled_with", "status", "ended_by",
    "covers_task", "expires_at", "ended_at",
)  # fmt: skip


@dataclass(slots=True)
class LockedTrees:
    """Rows of locked trees by id, and those that have changed. `held_accounts` is where lies what an account holds, by
    that account's id; `charged` what no usage has told of, by the account that is charged for it.
    """

    rows: dict[UUID, Reservation]
    held_accounts: dict[int, int] = field(default_factory=dict)
    touched: set[UUID] = field(default_factory=set)
    charged: dict[int, Decimal] = field(default_factory=dict)

    def chain(self, row: Reservation) -> list[Reservation]:
        """From the root down to the row."""
        return [*(self.rows[above] for above in row.lineage), row]

    def open_below(self, row: Reservation) -> list[Reservation]:
        """Those below it that are open, the lowest first."""
        below = [each for each in self.rows.values() if each.is_open and row.pk in each.lineage]
        return sorted(below, key=lambda each: (-len(each.lineage), each.pk))

    def spend(self, row: Reservation, quantity: Decimal) -> None:
        """It used so much."""
        chain = self.chain(row)
        trees.spend(chain, quantity)
        self.touched.update(each.pk for each in chain)

    def charge(self, row: Reservation, quantity: Decimal) -> None:
        """It used so much, of which no usage has told: charged to the account that holds it, until usage does."""
        if quantity <= 0:
            return
        self.spend(row, quantity)
        if row.account_id is not None:
            row.stated += quantity
            self.charged[row.account_id] = self.charged.get(row.account_id, Decimal(0)) + quantity

    def resize(self, row: Reservation, amount: Decimal) -> None:
        """It holds another amount, which is free above it."""
        chain, before = self.chain(row), trees.taken(row)
        row.amount = amount
        trees.changed(chain, before)
        self.touched.update(each.pk for each in chain)

    def end(self, row: Reservation, status: str, by: str, at: datetime) -> None:
        """It ends, and first all that is open below it: expired with it, or settled where something was used, else
        released. A lease has used at least what its holder told.
        """
        for below in self.open_below(row):
            if status == Reservation.Status.EXPIRED:
                self._end_one(below, status, by, at)
            else:
                was_used = below.gone > 0
                ended = Reservation.Status.SETTLED if was_used else Reservation.Status.RELEASED
                self._end_one(below, ended, Reservation.EndedBy.PARENT, at)
        self._end_one(row, status, by, at)

    def _end_one(self, row: Reservation, status: str, by: str, at: datetime) -> None:
        self.charge(row, row.drawn_told - row.spent)
        chain, before = self.chain(row), trees.taken(row)
        row.status, row.ended_by, row.ended_at = status, by, at
        trees.changed(chain, before)
        self.touched.update(each.pk for each in chain)

    def entries(self, *, more: bool = False) -> list[Entry]:
        """What the ledger holds becomes what the roots need: the entries for it. It holds `more` only where that was
        found to be there: what usage takes back from a settlement is not held anew.
        """
        made = []
        for pk in sorted(self.touched):
            row = self.rows[pk]
            wanted = trees.still_held(row) if more else min(trees.still_held(row), row.held)
            if row.parent_id is not None or row.account_id is None or wanted == row.held:
                continue
            where = self.held_accounts[row.account_id]
            if wanted < row.held:
                made.append(Entry("unhold", row.account_id, where, row.held - wanted))
            else:
                made.append(Entry("hold", where, row.account_id, wanted - row.held))
            row.held = wanted
        return made

    def save(self) -> None:
        """Writes what has changed."""
        Reservation.objects.bulk_update([self.rows[pk] for pk in sorted(self.touched)], WRITTEN)


def locked(
    tree_ids: Iterable[UUID], *, rows: Collection[UUID] = (), whole: bool = False, skip_locked: bool = False
) -> LockedTrees:
    """Locks these trees by their roots, in the order of their ids, and reads `rows` and all above them, or `whole`
    trees as far as they are open. Trees that another transaction has are left out with `skip_locked`. Call under the
    lock of posting.
    """
    roots = (
        Reservation.objects.filter(pk__in=set(tree_ids))
        .order_by("pk")
        .select_for_update(no_key=True, skip_locked=skip_locked)
    )
    ours = [root.pk for root in roots]
    wanted = Q(pk__in={*ours, *rows})
    if whole:
        wanted |= Q(status=Reservation.Status.HELD)
    read = {row.pk: row for row in Reservation.objects.filter(wanted, tree__in=ours)}
    above = {pk for row in read.values() for pk in row.lineage} - read.keys()
    if above:
        read |= {row.pk: row for row in Reservation.objects.filter(pk__in=above)}
    return LockedTrees(read)
