"""Ending reservations whose time is over, and forgetting those that ended long ago."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from budgets.ledger.operations import lock_for_posting
from budgets.ledger.queries import ChargedAccounts, charged_accounts, coverage_version
from budgets.reservations.models import Reservation
from budgets.reservations.operations.trees import locked
from budgets.reservations.operations.writing import write
from governance.scopes.queries import scope_tree
from governance.work.operations import each_apart, tell_faults

EXPIRY_HEARTBEAT = "budgets.expire_reservations"
TREES_AT_ONCE = 100
# As long as usage may come that names one; what comes later is charged all the same.
KEPT_FOR = timedelta(days=40)
FORGOTTEN_AT_ONCE = 5_000


def expire_reservations(*, at: datetime) -> int:
    """Ends every reservation whose time is over, and returns how many; a fault in one organisation stops no other.
    Those that another transaction is changing are left to the next run.
    """
    nodes = scope_tree().by_id
    due = Reservation.objects.due(at).values_list("tree", "scope_id")
    trees_of: dict[int, set[UUID]] = {}
    for tree, scope_id in due:
        trees_of.setdefault(nodes[scope_id].root_id, set()).add(tree)
    done = each_apart(
        sorted(trees_of), lambda root_id: _expire_in(trees_of[root_id], at), named=lambda root_id: nodes[root_id].path
    )
    _forget(at)
    tell_faults(EXPIRY_HEARTBEAT, done.faults, at=at, sentence="reservations of %s could not be ended")
    return sum(done.results)


def _expire_in(tree_ids: Collection[UUID], at: datetime) -> int:
    ids, ended = sorted(tree_ids), 0
    for first in range(0, len(ids), TREES_AT_ONCE):
        with transaction.atomic():
            current = charged_accounts(*lock_for_posting())
            ended += _end_due(ids[first : first + TREES_AT_ONCE], current, at)
    return ended


def end_due_of(account_id: int, *, at: datetime) -> None:
    """Ends those that an account holds for and whose time is over. Call under the lock of posting, with no account
    locked.
    """
    due = set(Reservation.objects.due(at).filter(account_id=account_id, parent=None).values_list("tree", flat=True))
    if due:
        _end_due(due, charged_accounts(coverage_version(), scope_tree()), at)


def _end_due(tree_ids: Collection[UUID], current: ChargedAccounts, at: datetime) -> int:
    now = locked(tree_ids, whole=True, skip_locked=True)
    ended = 0
    for row in sorted(now.rows.values(), key=lambda each: (-len(each.lineage), each.pk)):
        if row.is_open and row.expires_at <= at:
            now.end(row, Reservation.Status.EXPIRED, Reservation.EndedBy.CLOCK, at)
            ended += 1
    write(now, current, at=at, reference="reservation expires")
    return ended


def _forget(at: datetime) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM budgets_reservation WHERE tree IN (SELECT id FROM budgets_reservation"
            " WHERE parent_id IS NULL AND ended_at < %s ORDER BY ended_at LIMIT %s)",
            [at - KEPT_FOR, FORGOTTEN_AT_ONCE],
        )
