"""What recorded usage and its corrections share, written in one order: see docs/locks.md."""

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
    """Into tasks and their days; minutes, hours and days; charge lines; the ledger; watermarks; dirty scopes: whoever
    books locks them in this order, so that two who book wait for each other and never crosswise.

    `write_tasks` writes tasks and their days, which usage adds to and a correction may move. `heard_from` are the
    organisations whose feed this is a sign of. `scope_ids` are those booked to; all above them count as dirty too.
    Call inside the transaction that wrote the records, and after them.
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
