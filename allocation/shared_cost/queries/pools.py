"""The pools of a month, gathered from documents, scopes, usage and metrics: what `engine.pools` splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from django.db.models import F, Sum
from pydantic import TypeAdapter

from allocation.commitments.engine.covered_months import CommitmentMonth
from allocation.commitments.queries import commitments_in
from allocation.meters.engine.months import Month
from allocation.shared_cost.documents import (
    AmountPool,
    ByMetric,
    CommitmentPool,
    Even,
    Fixed,
    Matching,
    Proportional,
    SplitSpec,
    UsagePool,
)
from allocation.shared_cost.engine.pools import Pool, PoolsRefused
from allocation.shared_cost.engine.splitting import Recipient
from allocation.shared_cost.models import AllocationMetric, SharedCostSplit
from allocation.usage.models import UsageDay
from governance.calendar.engine import is_in_force
from governance.scopes.engine import is_at_or_below, lineage_of, nearest
from governance.scopes.queries import ScopeNode, ScopeTree, scope_tree

SPEC: TypeAdapter[SplitSpec] = TypeAdapter(SplitSpec)
NONE = Decimal(0)
# FOCUS's UsageUnit for what drives a share.
UNITS = {"tokens": "Tokens", "requests": "Requests", "gpu_seconds": "GPU Seconds"}
# By scope id.
Quantities = Mapping[int, Decimal]


@dataclass(frozen=True, slots=True)
class DirectUsage:
    """What one scope alone used in a month, without the scopes below it."""

    cost: Decimal = NONE
    tokens: Decimal = NONE
    requests: Decimal = NONE
    gpu_seconds: Decimal = NONE


@dataclass(frozen=True, slots=True)
class MonthPools:
    """The pools of a month, and the versions of the splits that declare them, by name."""

    pools: tuple[Pool, ...]
    versions: Mapping[str, SharedCostSplit]


def direct_usage(organisation_id: int, month: Month) -> dict[int, DirectUsage]:
    """By scope id; scopes without usage are left out."""
    rows = (
        UsageDay.objects.filter(
            scope_id__in=scope_tree().descendants(organisation_id), bucket__gte=month.since, bucket__lt=month.until
        )
        .values("scope_id")
        .annotate(
            spent=Sum("cost"), tokens=Sum(F("input_tokens") + F("output_tokens")), calls=Sum("requests"),
            seconds=Sum("gpu_seconds"),
        )
        .order_by()
    )  # fmt: skip
    return {
        row["scope_id"]: DirectUsage(row["spent"], Decimal(row["tokens"]), Decimal(row["calls"]), row["seconds"])
        for row in rows
    }


def splits_in_force(organisation_id: int, month: Month) -> list[SharedCostSplit]:
    """Of each name the newest version that has begun by the month's first day, unless that one has ended."""
    begun = SharedCostSplit.objects.filter(organisation_id=organisation_id, effective_from__lte=month.start)
    newest = begun.order_by("name", "-version").distinct("name").select_related("organisation")
    return [split for split in newest if is_in_force(split.effective_from, split.effective_to, month.start)]


def gather_pools(organisation_id: int, month: Month) -> MonthPools:
    """The pools to split in the month, with amounts and quantities. Raises PoolsRefused for a commitment that is not in
    force.
    """
    splits = splits_in_force(organisation_id, month)
    tree, used = scope_tree(), direct_usage(organisation_id, month)
    commitments = {covered.commitment.name: covered for covered in commitments_in(organisation_id, month)}
    return MonthPools(
        pools=tuple(
            _pool(split, SPEC.validate_python(split.document), organisation_id, month, tree, used, commitments)
            for split in splits
        ),
        versions={split.name: split for split in splits},
    )


def pools_of(specs: Iterable[tuple[str, SplitSpec]], tree: ScopeTree, on: date) -> list[Pool]:
    """Pools without amounts and quantities, to check documents before there is a month to split. `on` is the first day
    after the month.
    """
    return [
        _assembled(name, 0, spec, NONE, recipients_of(spec, tree, on), dict.fromkeys(tree.by_path, NONE))
        for name, spec in specs
    ]


def _pool(
    split: SharedCostSplit,
    spec: SplitSpec,
    organisation_id: int,
    month: Month,
    tree: ScopeTree,
    used: Mapping[int, DirectUsage],
    commitments: Mapping[str, CommitmentMonth],
) -> Pool:
    # By the row's scope and not the document's path, so that a scope may be renamed.
    origin = tree.by_id[split.origin_id]
    recipients = recipients_of(spec, tree, month.end, origin=origin.path)
    quantities = _quantities(spec, organisation_id, month, tree, used, recipients, origin)
    own_amount = _own_amount(split.name, spec, origin, tree, used, commitments)
    return _assembled(split.name, split.version, spec, own_amount, recipients, quantities, origin=origin)


def _assembled(
    name: str,
    version: int,
    spec: SplitSpec,
    own_amount: Decimal,
    recipients: Sequence[Recipient],
    quantities: Mapping[str, Decimal],
    origin: ScopeNode | None = None,
) -> Pool:
    with_quantities = tuple(replace(each, quantity=quantities.get(each.path, NONE)) for each in recipients)
    return Pool(
        name=name,
        version=version,
        source=spec.pool.source,
        origin=origin.path if origin else spec.origin,
        own_amount=own_amount,
        recipients=with_quantities,
        unit=_unit(spec, origin),
        method=spec.method.how,
        when_zero=spec.when_zero,
        departed=spec.departed,
    )


def _own_amount(
    name: str,
    spec: SplitSpec,
    origin: ScopeNode,
    tree: ScopeTree,
    used: Mapping[int, DirectUsage],
    commitments: Mapping[str, CommitmentMonth],
) -> Decimal:
    match spec.pool:
        case UsagePool():
            return sum((used[scope_id].cost for scope_id in tree.descendants(origin.id) if scope_id in used), NONE)
        case AmountPool(amount_per_month=amount):
            return amount
        case CommitmentPool(commitment=commitment_name, part=part):
            covered = commitments.get(commitment_name)
            if covered is None:
                raise PoolsRefused(
                    name, f"there is no commitment {commitment_name} in force; apply it, or end the split"
                )
            return covered.idle_cost if part == "idle" else covered.amount


def recipients_of(spec: SplitSpec, tree: ScopeTree, on: date, origin: str = "") -> list[Recipient]:
    """Recipients without quantities. `on` is the first day after the period: a scope that no longer exists then, or
    whose `until` has come, has departed.
    """
    if spec.recipients.matching is not None:
        return [
            Recipient(path, NONE) for path in _matching(spec.recipients.matching, tree, spec, origin or spec.origin)
        ]
    recipients = []
    for listed in spec.recipients.scopes:
        is_departed = listed.scope not in tree.by_path or (listed.until is not None and listed.until < on)
        recipients.append(Recipient(listed.scope, NONE, is_departed, _heir(listed.scope, tree) if is_departed else ""))
    return recipients


def _matching(wanted: Matching, tree: ScopeTree, spec: SplitSpec, origin: str) -> list[str]:
    if wanted.below not in tree.by_path:
        return []
    below = (tree.by_id[scope_id] for scope_id in tree.descendants(tree.by_path[wanted.below].id)[1:])
    return [
        node.path
        for node in below
        if (not wanted.kinds or node.kind in wanted.kinds)
        and wanted.labels.items() <= node.labels.items()
        and not node.is_unattributed
        and not spec.is_of_the_pool(node.path, origin)
        and not any(is_at_or_below(node.path, path) for path in wanted.exclude)
    ]


def _heir(path: str, tree: ScopeTree) -> str:
    """The nearest scope above that exists; the organisation always does."""
    *above, _itself = lineage_of(path)
    heir = nearest(reversed(above), tree.by_path)
    return heir.path if heir is not None else path.partition("/")[0]


def _quantities(
    spec: SplitSpec,
    organisation_id: int,
    month: Month,
    tree: ScopeTree,
    used: Mapping[int, DirectUsage],
    recipients: Sequence[Recipient],
    origin: ScopeNode,
) -> Mapping[str, Decimal]:
    match spec.method:
        case Even():
            return {recipient.path: Decimal(1) for recipient in recipients}
        case Fixed(percent=percent):
            return percent
        case Proportional(to=to):
            measured: Quantities = {scope_id: getattr(usage, to) for scope_id, usage in used.items()}
        case ByMetric():
            measured = _metric_values(spec.method, organisation_id, month)
    pool_ids = tree.descendants(origin.id) if isinstance(spec.pool, UsagePool) else (origin.id,)
    return _by_recipient(measured, recipients, tree, frozenset(pool_ids))


def _by_recipient(
    measured: Quantities, recipients: Sequence[Recipient], tree: ScopeTree, pool_ids: frozenset[int]
) -> dict[str, Decimal]:
    """A scope's usage counts for the nearest recipient at or above it; that of the pool's own scopes for nobody."""
    by_id = {tree.by_path[each.path].id: each.path for each in recipients if each.path in tree.by_path}
    totals: dict[str, Decimal] = {}
    for scope_id, quantity in measured.items():
        recipient = nearest(tree.ancestors(scope_id), by_id)
        if recipient is not None and scope_id not in pool_ids:
            totals[recipient] = totals.get(recipient, NONE) + quantity
    return totals


def _metric_values(method: ByMetric, organisation_id: int, month: Month) -> Quantities:
    values = AllocationMetric.objects.filter(
        organisation_id=organisation_id, metric=method.metric, on__gte=month.start, on__lt=month.end
    ).order_by()
    if method.aggregate == "sum":
        return dict(values.values_list("scope_id").annotate(total=Sum("value")))
    # Of two values of one day the one received last counts.
    newest = values.order_by("scope_id", "-on", "-received_at", "-id").distinct("scope_id")
    return dict(newest.values_list("scope_id", "value"))


def _unit(spec: SplitSpec, origin: ScopeNode | None) -> str:
    match spec.method:
        case Even():
            return "Recipients"
        case Fixed():
            return "Percent"
        case Proportional(to="cost"):
            return origin.currency if origin else ""
        case Proportional(to=to):
            return UNITS[to]
        case ByMetric(metric=metric):
            return metric
