"""Booking corrections of usage: ledger, tasks, roll-ups and charge lines in one order of locks, see docs/locks.md."""

from collections.abc import Callable, Iterable
from datetime import datetime

from allocation.usage.engine.call_prices import DAY_S
from allocation.usage.engine.charges import Charges
from allocation.usage.engine.roll_ups import Key, Sums, coarser, postings
from allocation.usage.operations.folding import settle
from allocation.usage.operations.posting import post_to_ledger
from allocation.usage.operations.roll_ups import add_up
from allocation.usage.operations.watermarks import mark_lineages_dirty


def book(
    *,
    write_tasks: Callable[[], None],
    minutes: dict[Key, Sums],
    charges: Charges,
    scope_ids: Iterable[int],
    at: datetime,
) -> None:
    """Writes the ledger; tasks and their days; minutes, hours and days; charge lines; dirty scopes. Recording usage and
    folding it take their locks in this order too, so that two wait for each other and never deadlock.

    `write_tasks` writes tasks and their days, which a correction may move: all usage recorded before is folded into
    them first. `scope_ids` are the scopes booked to; those above them become dirty too. Call it inside the transaction
    that wrote the corrections, and after them.
    """
    post_to_ledger(postings(coarser(minutes, DAY_S)), at)
    settle(at=at)
    add_up(write_tasks=write_tasks, minutes=minutes, charges=charges, at=at)
    mark_lineages_dirty(scope_ids, at)
