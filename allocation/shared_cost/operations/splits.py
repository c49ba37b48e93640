"""Applying documents of splits of shared cost: versions, never edits."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from allocation.commitments.operations import check_commitment, check_currency
from allocation.meters.engine.months import Month
from allocation.shared_cost.documents import AmountPool, CommitmentPool, SharedCostSplitDocument, SplitSpec
from allocation.shared_cost.engine.pools import PoolsRefused, check_overlaps, step_down_order
from allocation.shared_cost.models import SharedCostSplit
from allocation.shared_cost.queries import SPEC, pools_of
from governance.calendar.engine import is_in_force
from governance.documents import Change
from governance.documents.operations import (
    change_of,
    current_version,
    organisation_of,
    record_version,
    replace_version,
    scopes_at,
    version_fields,
)
from governance.errors import Invalid
from governance.people.rules import Actor, check_may_change
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree


class SplitRefused(Invalid):
    """Beside the other splits it would share cost twice or in a circle."""

    code = "split_refused"


@transaction.atomic
def apply_shared_cost_split(document: SharedCostSplitDocument, *, actor: Actor, at: datetime) -> Change:
    """Make the document the current version, unless it is already. Raises scope_unknown, currency_mismatch,
    commitment_unknown and split_refused.
    """
    spec = document.spec
    organisation = organisation_of(spec.organisation, locked=True)
    check_may_change(actor, "allocation.sharedcostsplit", organisation.path)
    current = current_version(SharedCostSplit, document.metadata.name)
    change = change_of(document, current)
    if change.action == "unchanged":
        return change
    if isinstance(spec.pool, AmountPool):
        check_currency(spec.pool.currency, organisation)
    if isinstance(spec.pool, CommitmentPool):
        check_commitment(spec.pool.commitment, organisation)
    origin = scopes_at([spec.origin, *_required_scopes(spec)])[spec.origin]
    _check_with_others(document.metadata.name, spec, organisation)
    version = SharedCostSplit(
        pool_source=spec.pool.source,
        origin=origin,
        method=spec.method.how,
        effective_from=spec.effective_from,
        effective_to=spec.effective_to,
        **version_fields(document, current, organisation, actor, at),
    )
    replace_version(version)
    record_version(change, "shared_cost_split.apply", version, actor, at)
    return change


def _required_scopes(spec: SplitSpec) -> list[str]:
    """Scopes that must exist: all that are named but recipients with `until`, which may have left already."""
    matching = spec.recipients.matching
    return [
        *([matching.below, *matching.exclude] if matching else []),
        *(listed.scope for listed in spec.recipients.scopes if listed.until is None),
    ]


def _check_with_others(name: str, spec: SplitSpec, organisation: Scope) -> None:
    """Raises SplitRefused unless cost is shared once, and never in a circle, in every month in which the split is in
    force. Which splits are in force together changes only where one begins or ends.
    """
    others = SharedCostSplit.objects.filter(organisation=organisation, is_current=True).exclude(name=name)
    declared = [(split.name, SPEC.validate_python(split.document)) for split in others]
    tree = scope_tree()
    first_days = {spec.effective_from, *(declared_spec.effective_from for _name, declared_spec in declared)}
    for first_day in sorted(first_days):
        if not _is_in_force(spec, first_day):
            continue
        together = [*(pair for pair in declared if _is_in_force(pair[1], first_day)), (name, spec)]
        _check_commitments_once(together)
        pools = pools_of(together, tree, Month.of(first_day).end)
        try:
            check_overlaps(pools)
            step_down_order(pools)
        except PoolsRefused as refused:
            raise SplitRefused(f"From {first_day:%Y-%m} on, {refused}.", pool=refused.pool) from None


def _check_commitments_once(together: list[tuple[str, SplitSpec]]) -> None:
    shared_by: dict[str, str] = {}
    for name, spec in together:
        if isinstance(spec.pool, CommitmentPool):
            first = shared_by.setdefault(spec.pool.commitment, name)
            if first != name:
                raise SplitRefused(
                    f"pool.commitment: {first} shares {spec.pool.commitment} already; a commitment is shared once.",
                    pool=name,
                )


def _is_in_force(spec: SplitSpec, first_day: date) -> bool:
    return is_in_force(spec.effective_from, spec.effective_to, first_day)
