"""Variances of cost between two periods, of one scope or of many, each with all scopes below it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from allocation.variance.engine.combined import combined
from allocation.variance.engine.drivers import Driver
from allocation.variance.engine.figures import Variance
from allocation.variance.engine.periods import ComparedPeriod, ComparedPeriods, comparable, last_month
from allocation.variance.engine.variance import variance_of, without_models
from allocation.variance.queries.charges import (
    NANO_PLACES,
    ChargeSum,
    Pair,
    charges_of,
    counts_of,
    unpriced_tokens,
    usage_lines,
)
from governance.calendar.engine import DAY
from governance.errors import Invalid
from governance.people.queries import visible_scope_paths
from governance.people.rules import Actor
from governance.scopes.queries import ScopeTree, scope_tree


@dataclass(frozen=True, slots=True)
class ScopeVariance:
    """Of a scope with all below it. `unpriced_requests` and `unpriced_tokens` (before, after) have no cost and are in
    none of the effects.
    """

    scope_id: int
    path: str
    name: str
    currency: str
    variance: Variance
    unpriced_requests: Pair
    unpriced_tokens: Pair


def compared_periods(
    *, since: date | None, until: date | None, against_since: date | None, against_until: date | None, today: date
) -> ComparedPeriods:
    """By default the last whole month, compared with the month before; other periods with as many days right before. A
    period that still runs is compared up to before `today`, with as many days.

    Errors: period_open, period_empty, period_not_begun.
    """
    if (since is None) != (until is None) or (against_since is None) != (against_until is None):
        raise Invalid("A period has a first day and a day after the last: give both or neither.", code="period_open")
    after = _period(since, until, "The period") if since and until else last_month(today)
    before = None
    if against_since and against_until:
        before = _period(against_since, against_until, "The period to compare with")
    return periods_compared(after, before, today=today)


def periods_compared(after: ComparedPeriod, before: ComparedPeriod | None, *, today: date) -> ComparedPeriods:
    """`after` with `before`, or with what comes before it; where it still runs, as many days of both.

    Errors: period_not_begun.
    """
    if after.since >= today:
        raise Invalid(
            f"No whole day of {after} is over: there is something to compare from {after.since + DAY} on.",
            code="period_not_begun",
        )
    return comparable(after, before, today=today)


def _period(since: date, until: date, name: str) -> ComparedPeriod:
    if since >= until:
        raise Invalid(f"{name} must end after it begins: {until} is not after {since}.", code="period_empty")
    return ComparedPeriod(since, until)


def scope_variance(*, scope_id: int, periods: ComparedPeriods, driver: Driver | None = None) -> ScopeVariance:
    """The variance of the scope with all below it, by model; volume in `driver`'s unit where that covers the use."""
    tree = scope_tree()
    below = tree.descendants(scope_id)
    return _OwnVariances(tree, _Used(below, periods), driver, by_model=True).with_all_below(scope_id, below)


def scope_variance_with_places(*, scope_id: int, periods: ComparedPeriods) -> tuple[ScopeVariance, list[ScopeVariance]]:
    """What `scope_variance` and `variances_right_below` say, from what is read once."""
    tree = scope_tree()
    below = tree.descendants(scope_id)
    own = _OwnVariances(tree, _Used(below, periods), None, by_model=True)
    whole = own.with_all_below(scope_id, below)
    own.forget_models()
    return whole, _right_below(scope_id, own)


def scope_variances(*, actor: Actor, scope_id: int | None, periods: ComparedPeriods) -> list[ScopeVariance]:
    """The variance of every scope with use that `actor` may see (at or below `scope_id`), without models; the largest
    change first. Two queries, whatever the number of scopes.
    """
    tree = scope_tree()
    tops = [tree.by_path[path].id for path in visible_scope_paths(actor)] if scope_id is None else [scope_id]
    below = [scope_below for top in tops for scope_below in tree.descendants(top)]
    own = _OwnVariances(tree, _Used(below, periods), None, by_model=False)
    used: dict[int, list[int]] = defaultdict(list)
    wanted = set(below)
    for scope_below in own.used_scopes:
        for ancestor in tree.ancestors(scope_below):
            if ancestor in wanted:
                used[ancestor].append(scope_below)
    variances = [own.with_all_below(scope_below, parts) for scope_below, parts in used.items()]
    return sorted(variances, key=lambda row: (-abs(row.variance.change), row.path))


def variances_right_below(*, scope_id: int, periods: ComparedPeriods) -> list[ScopeVariance]:
    """The variances of the scopes right below, each with all below it, and of what the scope used itself: together they
    are the variance of the scope. Those without use are left out; the largest change first.
    """
    tree = scope_tree()
    return _right_below(scope_id, _OwnVariances(tree, _Used(tree.descendants(scope_id), periods), None, by_model=False))


def _right_below(scope_id: int, own: "_OwnVariances") -> list[ScopeVariance]:
    tree = own.tree
    parts: dict[int, list[int]] = defaultdict(list)
    for used in own.used_scopes:
        right_below = (ancestor for ancestor in tree.ancestors(used) if tree.by_id[ancestor].parent_id == scope_id)
        parts[next(right_below, scope_id)].append(used)
    variances = [own.with_all_below(place, below) for place, below in parts.items()]
    return sorted(variances, key=lambda row: (-abs(row.variance.change), row.path))


class _Used:
    """What each of some scopes used itself in two periods."""

    def __init__(self, scope_ids: Sequence[int], periods: ComparedPeriods) -> None:
        self.counts = counts_of(scope_ids, periods)
        self.lines: dict[int, list[ChargeSum]] = defaultdict(list)
        for charge in charges_of(scope_ids, periods, with_exchange=self.counts.has_exchange_rates):
            self.lines[charge.scope_id].append(charge)


class _OwnVariances:
    """What each of some scopes used itself in two periods, and its variance."""

    def __init__(self, tree: ScopeTree, used: _Used, driver: Driver | None, *, by_model: bool) -> None:
        self.tree, self.counts = tree, used.counts
        self.used_scopes = list(used.lines)
        self.unpriced_tokens = {scope_id: unpriced_tokens(charges) for scope_id, charges in used.lines.items()}
        self.variances = {
            scope_id: variance_of(
                usage_lines(charges),
                self.counts.activity(scope_id),
                driver=driver,
                by_model=by_model,
                scope=tree.by_id[scope_id].path,
                requests_of=self.counts.requests_of.get(scope_id),
            )
            for scope_id, charges in used.lines.items()
        }

    def forget_models(self) -> None:
        """As if they had been made without."""
        self.variances = {scope_id: without_models(variance) for scope_id, variance in self.variances.items()}

    def with_all_below(self, scope_id: int, below: Iterable[int]) -> ScopeVariance:
        node = self.tree.by_id[scope_id]
        used = [part for part in below if part in self.variances]
        requests, tokens = [0, 0], [0, 0]
        for part in below:
            for side in (0, 1):
                requests[side] += self.counts.unpriced.get(part, (0, 0))[side]
                tokens[side] += self.unpriced_tokens.get(part, (0, 0))[side]
        return ScopeVariance(
            scope_id=scope_id,
            path=node.path,
            name=node.name or node.slug,
            currency=node.currency,
            variance=combined([self.variances[part] for part in used]),
            unpriced_requests=(requests[0], requests[1]),
            unpriced_tokens=(tokens[0], tokens[1]),
        )


def money_of(nanos: int) -> Decimal:
    """10^-9 of a currency as an amount of it."""
    return Decimal(nanos).scaleb(-NANO_PLACES)
