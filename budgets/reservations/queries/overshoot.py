"""How much may be used beyond what is recorded: by what is under way, and by what has not been told of yet."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection

from budgets.plans.engine.amounts import NANO, budget_quantity
from budgets.reservations.engine.bounds import OvershootBound

ZERO = Decimal(0)
# So long after a hold has expired its usage is still waited for.
LATE_FOR = timedelta(hours=1)
# What is used now is taken to be what was used in the last hour that usage tells of.
PACE_S = 3600

# Of each account and those below it. Only roots count, which hold what is below them; but what one did not use that
# expired before those above it was free there again, and may have been used twice.
BOUNDS = """
    WITH RECURSIVE below (top_id, id) AS (
        SELECT id, id FROM budgets_account WHERE id = ANY(%(accounts)s::bigint[])
        UNION ALL
        SELECT below.top_id, child.id FROM below JOIN budgets_account child ON child.parent_id = below.id
    ), under_way AS (
        SELECT top_id,
               sum(greatest(amount - spent, 0)) FILTER (WHERE parent_id IS NULL AND kind = 'lease') AS leases,
               sum(greatest(amount - spent, 0)) FILTER (WHERE parent_id IS NULL AND kind = 'hold') AS holds,
               sum(greatest(drawn_told - greatest(amount, spent), 0)) AS beyond
        FROM below JOIN budgets_reservation ON account_id = below.id AND status = 'held'
        GROUP BY top_id
    ), late AS (
        SELECT top_id, sum(greatest(gone.amount - gone.spent, 0)) AS amount
        FROM below JOIN budgets_reservation gone
          ON gone.account_id = below.id AND gone.status = 'expired' AND gone.ended_at > %(late_since)s
        LEFT JOIN budgets_reservation above ON above.id = gone.parent_id
        WHERE above.status IS DISTINCT FROM 'expired' OR above.ended_at > gone.ended_at
        GROUP BY top_id
    ), feed AS (
        SELECT account.id AS top_id, account.unit, scope.path, mark.last_received_at AS told_at,
               greatest(extract(epoch FROM %(at)s - mark.last_received_at), 0) AS age
        FROM budgets_account account
        JOIN governance_scope scope ON scope.id = account.scope_id
        JOIN governance_scope root ON root.path = split_part(scope.path, '/', 1)
        JOIN allocation_ingestwatermark mark ON mark.scope_id = root.id
        WHERE account.id = ANY(%(accounts)s::bigint[])
    ), pace AS (
        SELECT feed.top_id,
               sum(CASE feed.unit WHEN 'money' THEN used.cost WHEN 'requests' THEN used.requests
                                  WHEN 'gpu_hours' THEN used.gpu_seconds ELSE used.input_tokens + used.output_tokens
                   END) AS quantity
        FROM feed
        JOIN governance_scope scope ON scope.path = feed.path OR starts_with(scope.path, feed.path || '/')
        JOIN allocation_usageminute used
          ON used.scope_id = scope.id AND used.bucket <= feed.told_at
         AND used.bucket > feed.told_at - make_interval(secs => %(pace_s)s)
        GROUP BY feed.top_id
    )
    SELECT account.id, account.unit, under_way.leases, under_way.holds, under_way.beyond, late.amount, feed.age,
           greatest(pace.quantity, 0)
    FROM budgets_account account
    LEFT JOIN under_way ON under_way.top_id = account.id
    LEFT JOIN late ON late.top_id = account.id
    LEFT JOIN feed ON feed.top_id = account.id
    LEFT JOIN pace ON pace.top_id = account.id
    WHERE account.id = ANY(%(accounts)s::bigint[])
"""


def overshoot_bounds(account_ids: Iterable[int | None], *, at: datetime) -> dict[int, OvershootBound]:
    """By account; one query, however many accounts."""
    wanted = sorted({pk for pk in account_ids if pk is not None})
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(BOUNDS, {"accounts": wanted, "at": at, "late_since": at - LATE_FOR, "pace_s": PACE_S})
        return {row[0]: _bound(*row[1:]) for row in cursor.fetchall()}


def _bound(
    unit: str,
    leases: Decimal | None,
    holds: Decimal | None,
    beyond: Decimal | None,
    late: Decimal | None,
    age_s: Decimal | None,
    burnt: Decimal | None,
) -> OvershootBound:
    def in_unit(quantity: Decimal | None) -> Decimal:
        return budget_quantity(unit, (quantity or ZERO).quantize(NANO))

    seconds, pace = age_s or ZERO, burnt or ZERO
    return OvershootBound(
        leases=in_unit(leases), holds=in_unit(holds), unsettled=in_unit((beyond or ZERO) + (late or ZERO)),
        unreported=in_unit(pace * seconds / PACE_S), burn_per_hour=in_unit(pace),
        data_age_s=None if age_s is None else int(age_s),
    )  # fmt: skip
