"""How much of recorded usage is attributed, and the SQL that reads usage with its corrections."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import F, Sum
from django.db.models.functions import TruncMonth

from allocation.attribution.engine import UNATTRIBUTED
from allocation.coverage.engine.coverage import NOTHING, AttributedShare, UsageTotals, ratio
from allocation.usage.models import RECORD_TABLE, UsageDay
from governance.people.rules import Actor
from governance.scopes.queries import ScopeTree, scope_tree

GROUPINGS = ("day", "month", "scope", "rule")


# Usage with its corrections: every record where it came in, and the rows that take it from one scope and add it to
# another.
# `records` is 1 for a record, -1 where it has left, 1 where it has arrived, 0 where only its price was corrected.
CORRECTED_USAGE = f"""
    SELECT scope_id, attribution, attribution AS placed_by, occurred_at, provider, model, operation, source,
        service_tier, attributes, 1 AS records, requests, input_tokens + output_tokens AS tokens,
        COALESCE(cost, 0) AS cost
    FROM {RECORD_TABLE} WHERE occurred_at >= %s AND occurred_at < %s AND scope_id = ANY(%s)
    UNION ALL
    SELECT change.scope_id, record.attribution,
        COALESCE(NULLIF(change.attribution, ''), (
            SELECT earlier.attribution FROM allocation_adjustment AS earlier
            WHERE earlier.record_id = change.record_id AND earlier.record_occurred_at = change.record_occurred_at
                AND earlier.id < change.id AND earlier.attribution <> ''
            ORDER BY earlier.id DESC LIMIT 1
        ), record.attribution),
        record.occurred_at, record.provider, record.model, record.operation, record.source, record.service_tier,
        record.attributes, sign(change.requests)::int, change.requests, change.input_tokens + change.output_tokens,
        change.cost
    FROM allocation_adjustment AS change JOIN {RECORD_TABLE} AS record
        ON record.id = change.record_id AND record.occurred_at = change.record_occurred_at
    WHERE change.record_occurred_at >= %s AND change.record_occurred_at < %s AND change.scope_id = ANY(%s)
"""  # noqa: S608  # our own table names
SUMS = "sum(records)::bigint, sum(requests)::bigint, sum(tokens)::bigint, sum(cost)"


def window(scope_ids: Iterable[int], since: datetime, until: datetime) -> list[Any]:
    """The parameters of CORRECTED_USAGE, once for each half of its union."""
    return [since, until, list(scope_ids)] * 2


@dataclass(frozen=True, slots=True)
class CoveragePart:
    """A day, month, scope or rule of the period. `share` is its part of the organisation's cost, None without any."""

    name: str
    coverage: AttributedShare
    share: Decimal | None


@dataclass(frozen=True, slots=True)
class OrganisationAttribution:
    """`whole` is the organisation in the period; `parts` are its days, months, scopes or rules."""

    path: str
    currency: str
    whole: AttributedShare
    parts: tuple[CoveragePart, ...]


def attribution_coverage(
    *, actor: Actor, since: datetime, until: datetime, by: str, organisation_ids: Iterable[int] | None = None
) -> list[OrganisationAttribution]:
    """Attributed usage of [since, until), whole UTC days, in the order of organisation paths; `by` is one of GROUPINGS.
    Only organisations that `actor` sees as a whole: usage that is not attributed lies outside every part of one.
    """
    tree = scope_tree()
    roots = [tree.by_id[root] for root in (tree.roots if organisation_ids is None else organisation_ids)]
    organisations = []
    for root in sorted((root for root in roots if actor.sees(root.path)), key=lambda root: root.path):
        by_time = _rolled_up(tree, root.id, since, until, "month" if by == "rule" else by)
        whole = sum(by_time.values(), start=AttributedShare())
        parts = _by_rule(tree, root.id, since, until) if by == "rule" else by_time
        organisations.append(
            OrganisationAttribution(
                path=root.path,
                currency=root.currency,
                whole=whole,
                parts=tuple(
                    CoveragePart(name, part, ratio(part.used.cost, whole.used.cost)) for name, part in parts.items()
                ),
            )
        )
    return organisations


def _rolled_up(tree: ScopeTree, root_id: int, since: datetime, until: datetime, by: str) -> dict[str, AttributedShare]:
    """From the roll-ups, adjustments included; they stay when raw usage has gone."""
    days = UsageDay.objects.filter(bucket__gte=since, bucket__lt=until, scope_id__in=tree.descendants(root_id))
    bucket = TruncMonth("bucket") if by == "month" else F("bucket")
    sums = days.order_by().values("scope_id", at=bucket).annotate(
        sum_cost=Sum("cost"), sum_requests=Sum("requests"), sum_tokens=Sum(F("input_tokens") + F("output_tokens"))
    )  # fmt: skip
    by_name: dict[str, AttributedShare] = {}
    for row in sums:
        at: datetime = row["at"]
        name = tree.by_id[row["scope_id"]].path if by == "scope" else f"{at:%Y-%m}" if by == "month" else f"{at:%F}"
        used = UsageTotals(0, row["sum_requests"], row["sum_tokens"], row["sum_cost"])
        attributed = NOTHING if row["scope_id"] == tree.unattributed(root_id) else used
        by_name[name] = by_name.get(name, AttributedShare()) + AttributedShare(used, attributed)
    return dict(sorted(by_name.items()))


def _by_rule(tree: ScopeTree, root_id: int, since: datetime, until: datetime) -> dict[str, AttributedShare]:
    """From the records themselves, so only as far back as they are kept: by what placed each record last."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT placed_by, {SUMS} FROM ({CORRECTED_USAGE}) AS corrected GROUP BY placed_by
            HAVING sum(records) <> 0 OR sum(cost) <> 0
            """,  # noqa: S608  # our own names
            window(tree.descendants(root_id), since, until),
        )
        rows = {label: UsageTotals(*values) for label, *values in cursor.fetchall()}
    ordered = sorted(rows.items(), key=lambda item: (-item[1].cost, -item[1].requests, item[0]))
    return {label: AttributedShare(used, NOTHING if label == UNATTRIBUTED else used) for label, used in ordered}
