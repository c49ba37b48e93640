"""Spending for the overview: by day and top-level scope, and by model with its unit costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import F, Func, QuerySet, Sum, TextField, Value

from allocation.usage.models import UsageDay, UsageScopeDay
from governance.calendar.engine import DAY, day_of, days_from, midnight
from governance.charts.engine.colours import colour_of
from governance.scopes.models import Practice
from governance.scopes.queries import ScopeNode, ScopeTree
from reporting.overview.engine.cost_chart import CostChart, Series, cost_chart

DAYS = 30
SERIES_MAX = 7
MODELS_MAX = 12


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One model's month to date. ``cost`` is None when no call has a price; unit costs count priced calls and tokens
    only. ``tokenless_cost`` is that of calls without any priced token.
    """

    provider: str
    model: str
    requests: int
    errors: int
    tokens: int
    unpriced_requests: int
    partly_unpriced_requests: int
    unpriced_tokens: int
    priced_cost: Decimal
    tokenless_cost: Decimal

    @property
    def is_unpriced(self) -> bool:
        return not self.priced_cost and self.unpriced_requests > 0

    @property
    def cost(self) -> Decimal | None:
        return None if self.is_unpriced else self.priced_cost

    @property
    def cost_per_request(self) -> Decimal | None:
        priced = self.requests - self.errors - self.unpriced_requests
        return self.priced_cost / priced if self.priced_cost and priced > 0 else None

    @property
    def is_in_part(self) -> bool:
        """Whether the cost leaves out calls, or parts of them, that have no price."""
        return bool(self.unpriced_requests or self.partly_unpriced_requests)

    @property
    def cost_per_1000_tokens(self) -> Decimal | None:
        """None without a priced token, and where none of them cost anything."""
        cost, tokens = self.priced_cost - self.tokenless_cost, self.tokens - self.unpriced_tokens
        return cost * 1000 / tokens if cost and tokens > 0 else None


@dataclass(frozen=True, slots=True)
class Spending:
    """Spending of the month to date in one currency, with the last 30 days as a chart. AI for FinOps is counted apart
    from the spend it governs.
    """

    currency: str
    cost: Decimal
    finops_cost: Decimal
    unattributed_cost: Decimal
    unpriced_requests: int
    chart: CostChart
    models: Sequence[ModelLine]
    models_left_out: int


def spending(
    usage: QuerySet[UsageDay],
    days_of_scopes: QuerySet[UsageScopeDay],
    *,
    tree: ScopeTree,
    month: datetime,
    at: datetime,
) -> list[Spending]:
    """One Spending for each currency of the organisations in ``usage``, from two queries. ``month`` is its start."""
    today = day_of(at)
    days = list(days_from(today - timedelta(days=DAYS - 1), today + DAY))
    since = min(midnight(days[0]), month)
    by_scope = days_of_scopes.filter(bucket__gte=since).values_list("bucket", "scope_id").annotate(
        priced_cost=Sum("cost"), unpriced=Sum("unpriced_requests")
    )  # fmt: skip
    by_model = (
        usage.filter(bucket__gte=month)
        .annotate(root=_root(tree))
        .values_list("root", "provider", "model")
        .annotate(
            calls=Sum("requests"), failed=Sum("errors"), tokens=Sum(F("input_tokens") + F("output_tokens")),
            unpriced=Sum("unpriced_requests"), partly=Sum("partly_unpriced_requests"),
            without_price=Sum("unpriced_tokens"), priced_cost=Sum("cost"), tokenless=Sum("tokenless_cost"),
        )
    )  # fmt: skip
    rows = [
        (tree.by_id[scope_id], bucket, cost, unpriced)
        for bucket, scope_id, cost, unpriced in by_scope.order_by()
        if scope_id in tree.by_id
    ]
    models: dict[str, list[ModelLine]] = {}
    for root, *values in by_model.order_by():
        if root in tree.by_path:
            models.setdefault(tree.by_path[root].currency, []).append(ModelLine(*values))
    return [
        _spending(
            currency,
            [row for row in rows if row[0].currency == currency],
            _merged(models.get(currency, ())),
            tree=tree,
            days=days,
            month=month,
        )
        for currency in sorted({node.currency for node, *_ in rows})
    ]


def _root(tree: ScopeTree) -> Func | Value:
    """The organisation's path of a row; no scope is read for it where there is but one."""
    if len(tree.roots) == 1:
        return Value(tree.by_id[next(iter(tree.roots))].path, output_field=TextField())
    return Func(F("scope__path"), Value("/"), Value(1), function="split_part", output_field=TextField())


# Scope, day, cost and number of unpriced requests.
Row = tuple[ScopeNode, datetime, Decimal, int]


def _spending(
    currency: str, rows: Sequence[Row], models: Sequence[ModelLine], *, tree: ScopeTree, days: Sequence[date],
    month: datetime,
) -> Spending:  # fmt: skip
    this_month = [row for row in rows if row[1] >= month]
    return Spending(
        currency=currency,
        cost=_cost(row for row in this_month if row[0].practice != Practice.AI_FOR_FINOPS),
        finops_cost=_cost(row for row in this_month if row[0].practice == Practice.AI_FOR_FINOPS),
        unattributed_cost=_cost(row for row in this_month if row[0].is_unattributed),
        unpriced_requests=sum(unpriced for *_, unpriced in this_month),
        chart=cost_chart(series=_series(rows, tree, days), days=days, currency=currency),
        models=models[:MODELS_MAX],
        models_left_out=len(models[MODELS_MAX:]),
    )


def _cost(rows: Iterable[Row]) -> Decimal:
    return sum((cost for _node, _bucket, cost, _unpriced in rows), Decimal(0))


def _series(rows: Sequence[Row], tree: ScopeTree, days: Sequence[date]) -> list[Series]:
    """The most expensive scopes first, the rest summed, the unattributed last."""
    by_top: dict[int, dict[date, Decimal]] = {}
    for node, bucket, cost, _unpriced in rows:
        if cost and bucket.date() in days:
            of_day = by_top.setdefault(_top(node, tree).id, {})
            of_day[bucket.date()] = of_day.get(bucket.date(), Decimal(0)) + cost
    one_root = len({tree.by_id[top].root_id for top in by_top}) == 1
    ranked = sorted(by_top, key=lambda top: (tree.by_id[top].is_unattributed, -sum(by_top[top].values())))
    leading = ranked if len(ranked) <= SERIES_MAX else ranked[: SERIES_MAX - 1]
    named = [
        Series(
            _name(tree.by_id[top], one_root=one_root),
            by_top[top],
            colour=colour_of(tree.rank(top)),
            is_unattributed=tree.by_id[top].is_unattributed,
        )
        for top in leading
    ]
    others = ranked[len(leading) :]
    return [*named, _others([by_top[top] for top in others])] if others else named


def _others(costs: Sequence[Mapping[date, Decimal]]) -> Series:
    return Series(f"{len(costs)} others", _sum(costs), is_others=True)


def _top(node: ScopeNode, tree: ScopeTree) -> ScopeNode:
    """The node's ancestor directly below the organisation, or the organisation itself."""
    lineage = tree.ancestors(node.id)
    return tree.by_id[lineage[-2] if len(lineage) > 1 else lineage[-1]]


def _name(node: ScopeNode, *, one_root: bool) -> str:
    name = node.path if not one_root else node.name or node.slug
    return f"{name} (AI for FinOps)" if node.practice == Practice.AI_FOR_FINOPS else name


def _sum(parts: Iterable[Mapping[date, Decimal]]) -> dict[date, Decimal]:
    total: dict[date, Decimal] = {}
    for part in parts:
        for day, cost in part.items():
            total[day] = total.get(day, Decimal(0)) + cost
    return total


def _merged(lines: Iterable[ModelLine]) -> list[ModelLine]:
    """Lines of the same model in several organisations summed; the most expensive first, then the unpriced."""
    merged: dict[tuple[str, str], ModelLine] = {}
    for line in lines:
        key = (line.provider, line.model)
        known = merged.get(key)
        merged[key] = line if known is None else ModelLine(
            *key, known.requests + line.requests, known.errors + line.errors, known.tokens + line.tokens,
            known.unpriced_requests + line.unpriced_requests,
            known.partly_unpriced_requests + line.partly_unpriced_requests,
            known.unpriced_tokens + line.unpriced_tokens, known.priced_cost + line.priced_cost,
            known.tokenless_cost + line.tokenless_cost,
        )  # fmt: skip
    return sorted(merged.values(), key=lambda line: (-line.priced_cost, -line.requests, line.model))
