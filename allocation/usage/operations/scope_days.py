"""Adds to the days of scopes, locking rows in the order of their keys."""

from operator import attrgetter

from django.db import connection

from allocation.prices.engine.rates import nanos_text
from allocation.usage.engine.roll_ups import Key, Sums
from allocation.usage.models import SCOPE_DAY_TABLE
from governance.work.operations import added, number_array, text_array

COLUMNS = """bucket, scope_id, activity, requests, errors, unpriced_requests, partly_unpriced_requests, unpriced_tokens,
    input_tokens, cached_input_tokens, output_tokens, gpu_seconds, cost, tokenless_cost"""
COUNTS = (
    "requests", "errors", "unpriced_requests", "partly_unpriced_requests", "unpriced_tokens", "input_tokens",
    "cached_input_tokens", "output_tokens", "gpu_seconds",
)  # fmt: skip
# What an insertion into days of scopes that are `known` does where the key is there.
PLUS = f"ON CONFLICT (bucket, scope_id, activity) DO UPDATE SET {added(*COUNTS, 'cost', 'tokenless_cost')}"
_COUNTS = attrgetter(*COUNTS)


def add_scope_days(totals: dict[Key, Sums]) -> None:
    """Adds sums over all models; their keys name none."""
    if not totals:
        return
    ordered = sorted(totals)
    sums = [totals[key] for key in ordered]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {SCOPE_DAY_TABLE} AS known ({COLUMNS})
            SELECT to_timestamp(bucket), scope_id, activity, requests, errors, unpriced, partly, unpriced_tokens, input,
                cached, output, gpu, cost, tokenless
            FROM unnest(
                %s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[], %s::numeric[], %s::numeric[]
            ) AS new (bucket, scope_id, activity, requests, errors, unpriced, partly, unpriced_tokens, input, cached,
                output, gpu, cost, tokenless)
            {PLUS}
            """,  # noqa: S608  # our own names
            (
                number_array([key.start for key in ordered]),
                number_array([key.scope_id for key in ordered]),
                text_array([key.activity for key in ordered]),
                *map(number_array, zip(*map(_COUNTS, sums), strict=True)),
                number_array([nanos_text(each.cost_nanos) for each in sums]),
                number_array([nanos_text(each.tokenless_nanos) for each in sums]),
            ),
        )
