"""When each organisation's feed last delivered, and which scopes have news to evaluate."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from django.db import connection

from governance.scopes.queries import scope_tree
from governance.work.operations import mark_scopes_dirty


def touch_watermarks(received_s: Mapping[int, float]) -> None:
    """Usage of these organisations came then, in seconds since 1970, repeats included: the feed is alive."""
    if not received_s:
        return
    roots = sorted(received_s)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO allocation_ingestwatermark AS known (scope_id, last_received_at)
            SELECT * FROM unnest(%s::bigint[], %s::timestamptz[])
            ON CONFLICT (scope_id) DO UPDATE
                SET last_received_at = GREATEST(known.last_received_at, EXCLUDED.last_received_at)
            """,
            [roots, [datetime.fromtimestamp(received_s[root], UTC) for root in roots]],
        )


def mark_lineages_dirty(
    scope_ids: Iterable[int], at: datetime, *, can_wait: bool = False, but: Collection[int] = ()
) -> None:
    """Marks these scopes and those above them, `but` none of these, as `mark_scopes_dirty`."""
    wanted = set(scope_ids)
    if not wanted:
        return
    tree = scope_tree(max_age_s=1)
    if not wanted <= tree.by_id.keys():
        # A scope is newer than this process's copy of the tree.
        tree = scope_tree()
    mark_scopes_dirty(
        scope_ids={above for scope_id in wanted for above in tree.ancestors(scope_id)}.difference(but),
        at=at,
        can_wait=can_wait,
    )
