"""Trees while they change, without a database: what each step does to all of them, and to the ledger."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from budgets.ledger.engine.funding import Entry
from budgets.reservations.models import Reservation
from budgets.reservations.operations.trees import LockedTrees

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
ACCOUNT, WHERE = 7, 8


def tree() -> tuple[LockedTrees, list[Reservation]]:
    """Ten on an account, of which six are a child's, of which four are another's."""
    rows: list[Reservation] = []
    for number, amount in enumerate((10, 6, 4)):
        row = Reservation(
            id=UUID(int=number + 1), tree=UUID(int=1), lineage=[above.pk for above in rows], account_id=ACCOUNT,
            parent=rows[-1] if rows else None, amount=Decimal(amount), held=Decimal(0 if rows else 10),
        )  # fmt: skip
        if rows:
            rows[-1].drawn = row.amount
        rows.append(row)
    return LockedTrees({row.pk: row for row in rows}, {ACCOUNT: WHERE}), rows


def test_what_is_used_below_is_held_no_more() -> None:
    now, (root, child, lowest) = tree()
    now.spend(lowest, Decimal(3))
    assert now.entries() == [Entry("unhold", ACCOUNT, WHERE, Decimal(3))]
    assert now.entries() == []
    assert (root.held, root.spent, child.spent, child.drawn) == (Decimal(7), Decimal(3), Decimal(3), Decimal(4))
    assert now.touched == {root.pk, child.pk, lowest.pk}


def test_one_that_ends_ends_first_what_is_below_it() -> None:
    now, (root, child, lowest) = tree()
    now.spend(lowest, Decimal(3))
    now.end(child, "released", "caller", AT)
    assert [(row.status, row.ended_by) for row in (lowest, child, root)] == [
        ("settled", "parent"), ("released", "caller"), ("held", ""),
    ]  # fmt: skip
    assert (root.drawn, child.drawn) == (Decimal(3), Decimal(3))
    assert now.open_below(root) == []


def test_what_expires_expires_with_all_below_it() -> None:
    now, rows = tree()
    now.end(rows[0], "expired", "clock", AT)
    assert {(row.status, row.ended_by, row.ended_at) for row in rows} == {("expired", "clock", AT)}
    assert now.entries() == [Entry("unhold", ACCOUNT, WHERE, Decimal(10))]


def test_more_is_held_only_where_that_is_asked_for() -> None:
    now, (root, *_below) = tree()
    now.spend(root, Decimal(4))
    now.entries()
    now.spend(root, Decimal(-3))
    assert now.entries() == []
    now.resize(root, Decimal(12))
    assert now.entries() == []
    assert now.entries(more=True) == [Entry("hold", WHERE, ACCOUNT, Decimal(5))]
