"""When each organisation's feed last delivered, for alerts on missing data."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import connection


def touch_watermarks(root_ids: Iterable[int], at: datetime) -> None:
    """Usage of these organisations came at `at`, repeats included: the feed is alive."""
    roots = sorted(set(root_ids))
    if not roots:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO allocation_ingestwatermark AS known (scope_id, last_received_at)
            SELECT root, %s FROM unnest(%s::bigint[]) AS root ORDER BY root
            ON CONFLICT (scope_id) DO UPDATE
                SET last_received_at = GREATEST(known.last_received_at, EXCLUDED.last_received_at)
            """,
            [at.astimezone(UTC), roots],
        )
