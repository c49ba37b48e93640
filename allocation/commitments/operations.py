"""Applying commitment documents: versions, never edits."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from allocation.commitments.documents import CommitmentDocument
from allocation.commitments.models import Commitment
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
from governance.errors import Invalid, NotFound
from governance.people.rules import Actor, check_may_change
from governance.scopes.models import Scope


class OtherCurrency(Invalid):
    """An amount is not in the organisation's currency."""

    code = "currency_mismatch"


@transaction.atomic
def apply_commitment(document: CommitmentDocument, *, actor: Actor, at: datetime) -> Change:
    """Make the document the current version, unless it is already. Raises scope_unknown and currency_mismatch."""
    spec = document.spec
    organisation = organisation_of(spec.organisation, locked=True)
    check_may_change(actor, "allocation.commitment", organisation.path)
    current = current_version(Commitment, document.metadata.name)
    change = change_of(document, current)
    if change.action == "unchanged":
        return change
    check_currency(spec.currency, organisation)
    version = Commitment(
        kind=spec.kind,
        provider=spec.provider,
        models_covered=list(spec.models),
        scope=scopes_at([spec.covered_scope])[spec.covered_scope],
        currency=spec.currency,
        amount_per_month=spec.amount_per_month,
        unit=spec.unit,
        units_per_month=spec.units_per_month,
        on_demand_unit_price=spec.on_demand_unit_price,
        starts_on=spec.starts_on,
        ends_on=spec.ends_on,
        **version_fields(document, current, organisation, actor, at),
    )
    replace_version(version)
    record_version(change, "commitment.apply", version, actor, at)
    return change


def check_currency(currency: str, organisation: Scope) -> None:
    """Raises currency_mismatch."""
    if currency != organisation.currency:
        raise OtherCurrency(
            f"currency: {organisation.path} reckons in {organisation.currency}, not {currency}; state the amount in it."
        )


def check_commitment(name: str, organisation: Scope) -> None:
    """Raises commitment_unknown unless the organisation has a current commitment of the name."""
    if not Commitment.objects.filter(name=name, organisation=organisation, is_current=True).exists():
        raise NotFound(
            f"pool.commitment: {organisation.path} has no commitment {name}; apply its Commitment document first.",
            code="commitment_unknown",
        )
