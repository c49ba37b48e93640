"""What calls of a scope have used of late, by model and operation."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import connection

from governance.scopes.queries import scope_tree

LOOKED_BACK = timedelta(days=30)
# So few say little of the tenth that is largest.
CALLS_MIN = 20
CALLS_OF_A_SCOPE, SCOPES_MAX = 1_000, 100
KEPT_FOR = timedelta(minutes=1)
KEPT_MAX = 10_000

NEWEST = """
    SELECT call.cost, call.input_tokens, call.output_tokens
    FROM unnest(%s::bigint[]) AS asked (id) CROSS JOIN LATERAL (
        SELECT cost, input_tokens, output_tokens, provider, model, operation, status
        FROM allocation_usagerecord
        WHERE scope_id = asked.id AND occurred_at > %s AND occurred_at <= %s
        ORDER BY occurred_at DESC LIMIT %s
    ) AS call
    WHERE (call.provider = %s OR %s = '') AND call.model = %s AND call.operation = %s
      AND call.status = 'success' AND call.cost IS NOT NULL
"""


class ObservedCall(NamedTuple):
    """What one call cost, in the organisation's currency, and its tokens."""

    cost: Decimal
    input: int
    output: int


_observed: dict[tuple[int, str, str, str], tuple[datetime, Sequence[ObservedCall]]] = {}


def observed_calls(*, scope_id: int, provider: str, model: str, operation: str, at: datetime) -> Sequence[ObservedCall]:
    """The scope's own calls of the last 30 days, of its newest thousand; where these are fewer than CALLS_MIN, those at
    or below the scope above, and so on. Fewer than that only when the organisation has no more. Kept for a minute.
    """
    key = (scope_id, provider, model, operation)
    known = _observed.get(key)
    if known is not None and timedelta(0) <= at - known[0] < KEPT_FOR:
        return known[1]
    tree, calls = scope_tree(), list[ObservedCall]()
    for above in tree.ancestors(scope_id):
        ids = [scope_id] if above == scope_id else sorted(tree.descendants(above))[:SCOPES_MAX]
        calls = _newest(ids, provider, model, operation, at)
        if len(calls) >= CALLS_MIN:
            break
    if len(calls) >= CALLS_MIN:
        if len(_observed) >= KEPT_MAX:
            _observed.clear()
        _observed[key] = (at, calls)
    return calls


def _newest(ids: Sequence[int], provider: str, model: str, operation: str, at: datetime) -> list[ObservedCall]:
    with connection.cursor() as cursor:
        cursor.execute(
            NEWEST, [list(ids), at - LOOKED_BACK, at, CALLS_OF_A_SCOPE, provider, provider, model, operation]
        )
        return [ObservedCall(*row) for row in cursor.fetchall()]
