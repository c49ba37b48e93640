"""Recorded usage as attribution sees it: alike records in groups, and how much of the whole is attributed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import F, Sum
from django.db.models.functions import TruncMonth

from allocation.attribution.engine import UNATTRIBUTED
from allocation.coverage.engine.coverage import NOTHING, Coverage, Used, ratio
from allocation.usage.models import RECORD_TABLE, UsageDay
from governance.people.rules import Actor
from governance.scopes.queries import ScopeTree, scope_tree

GROUPINGS = ("day", "month", "scope", "rule")


# Usage as it stands: every record where it came in, and its corrections, which take from one scope and add to another.
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
    return [since, until, list(scope_ids)] * 2


@dataclass(frozen=True, slots=True)
class Part:
    """A day, month, scope or rule of the period; `share` is of the organisation's cost."""

    name: str
    coverage: Coverage
    share: Decimal | None


@dataclass(frozen=True, slots=True)
class OrganisationCoverage:
    organisation: str
    currency: str
    whole: Coverage
    parts: tuple[Part, ...]


def coverage(
    *, actor: Actor, since: datetime, until: datetime, by: str, organisation_ids: Iterable[int] | None = None
) -> list[OrganisationCoverage]:
    """Of whole UTC days, by organisation path. Only of organisations that `actor` sees as a whole: of a part of one
    nothing would be unattributed.
    """
    tree = scope_tree()
    roots = [tree.by_id[root] for root in (tree.roots if organisation_ids is None else organisation_ids)]
    found = []
    for root in sorted((root for root in roots if actor.sees(root.path)), key=lambda root: root.path):
        by_time = _rolled_up(tree, root.id, since, until, "month" if by == "rule" else by)
        whole = sum(by_time.values(), start=Coverage())
        parts = _by_rule(tree, root.id, since, until) if by == "rule" else by_time
        found.append(
            OrganisationCoverage(
                organisation=root.path,
                currency=root.currency,
                whole=whole,
                parts=tuple(Part(name, part, ratio(part.used.cost, whole.used.cost)) for name, part in parts.items()),
            )
        )
    return found


def _rolled_up(tree: ScopeTree, root_id: int, since: datetime, until: datetime, by: str) -> dict[str, Coverage]:
    """From the roll-ups, adjustments included; they stay when raw usage has gone."""
    days = UsageDay.objects.filter(bucket__gte=since, bucket__lt=until, scope_id__in=tree.descendants(root_id))
    bucket = TruncMonth("bucket") if by == "month" else F("bucket")
    sums = days.order_by().values("scope_id", at=bucket).annotate(
        sum_cost=Sum("cost"), sum_requests=Sum("requests"), sum_tokens=Sum(F("input_tokens") + F("output_tokens"))
    )  # fmt: skip
    found: dict[str, Coverage] = {}
    for row in sums:
        at: datetime = row["at"]
        name = tree.by_id[row["scope_id"]].path if by == "scope" else f"{at:%Y-%m}" if by == "month" else f"{at:%F}"
        used = Used(0, row["sum_requests"], row["sum_tokens"], row["sum_cost"])
        attributed = NOTHING if row["scope_id"] == tree.unattributed(root_id) else used
        found[name] = found.get(name, Coverage()) + Coverage(used, attributed)
    return dict(sorted(found.items()))


def _by_rule(tree: ScopeTree, root_id: int, since: datetime, until: datetime) -> dict[str, Coverage]:
    """From the records themselves, so as far back as they are kept: what placed each, when it came in or since."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT placed_by, {SUMS} FROM ({CORRECTED_USAGE}) AS standing GROUP BY placed_by
            HAVING sum(records) <> 0 OR sum(cost) <> 0
            """,  # noqa: S608  # our own names
            window(tree.descendants(root_id), since, until),
        )
        rows = {label: Used(*values) for label, *values in cursor.fetchall()}
    ordered = sorted(rows.items(), key=lambda item: (-item[1].cost, -item[1].requests, item[0]))
    return {label: Coverage(used, NOTHING if label == UNATTRIBUTED else used) for label, used in ordered}
