"""The writes that recorded usage and its corrections share, in one order of locks: see docs/locks.md."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from allocation.usage.engine.charges import Charges
from allocation.usage.engine.roll_ups import Key, Sums
from allocation.usage.operations.posting import post_to_ledger
from allocation.usage.operations.roll_ups import add_charges, roll_up
from allocation.usage.operations.watermarks import touch_watermarks
from governance.scopes.queries import scope_tree
from governance.work.operations import mark_scopes_dirty


def book(
    *,
    write_tasks: Callable[[], None],
    minutes: dict[Key, Sums],
    charges: Charges,
    scope_ids: Iterable[int],
    at: datetime,
    heard_from: Collection[int] = (),
) -> None:
    """Writes tasks and their days; minutes, hours and days; charge lines; the ledger; watermarks; dirty scopes. Every
    booking takes its locks in this order, so that two wait for each other and never deadlock.

    `write_tasks` writes tasks and their days, which usage adds to and a correction may move. `heard_from` are the
    organisations that sent the usage. `scope_ids` are the scopes booked to; those above them become dirty too. Call it
    inside the transaction that wrote the records, and after them.
    """
    write_tasks()
    days = roll_up(minutes, at)
    add_charges(charges)
    post_to_ledger(days, at)
    touch_watermarks(heard_from, at)
    _mark_lineages_dirty(scope_ids, at)


def _mark_lineages_dirty(scope_ids: Iterable[int], at: datetime) -> None:
    ancestors = scope_tree(max_age_s=1).ancestors
    mark_scopes_dirty(scope_ids={above for scope_id in scope_ids for above in ancestors(scope_id)}, at=at)
