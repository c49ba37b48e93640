from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from django.db import IntegrityError, transaction

from governance.errors import DomainError, Invalid
from governance.models import Channel, ChannelKind, Criticality, Kind, Practice, Scope
from governance.models.scope import SLUG_PATTERN, UNATTRIBUTED_SLUG
from governance.operations.records import record_decision
from governance.queries import OWNERS_CHANNEL
from governance.rules import Actor


class ScopeExists(DomainError):
    code = "scope_exists"


@transaction.atomic
def create_scope(
    *,
    slug: str,
    kind: str,
    actor: Actor,
    at: datetime,
    parent: Scope | None = None,
    name: str = "",
    practice: str = Practice.FINOPS_FOR_AI,
    environment: str = "",
    criticality: str = Criticality.STANDARD,
    labels: Mapping[str, str] | None = None,
    currency: str = "",
) -> Scope:
    """An organisation (no parent) comes with its unattributed scope and the channel its owners are written to by."""
    if not re.fullmatch(SLUG_PATTERN, slug):
        raise Invalid(f"{slug!r} is no slug: lower-case letters, digits and . _ - only.", code="invalid_slug")
    if slug == UNATTRIBUTED_SLUG:
        raise Invalid("The slug 'unattributed' is kept for what matches no attribution rule.", code="reserved_slug")
    if (parent is None) != (kind == Kind.ORGANISATION):
        raise Invalid("An organisation has no parent, and everything else has one.", code="invalid_kind")
    if parent is not None and currency:
        raise Invalid("The currency stands at the organisation.", code="currency_not_at_root")
    scope = Scope(
        slug=slug,
        kind=kind,
        parent=parent,
        name=name,
        practice=practice,
        environment=environment,
        criticality=criticality,
        labels=dict(labels or {}),
        currency=(currency or "USD") if parent is None else "",
    )
    _insert(scope)
    if parent is None:
        _insert(
            Scope(
                slug=UNATTRIBUTED_SLUG,
                kind=Kind.BUSINESS_UNIT,
                parent=scope,
                name="Unattributed",
                practice=practice,
                is_unattributed=True,
            )
        )
        Channel.objects.create(scope=scope, kind=ChannelKind.EMAIL, name=OWNERS_CHANNEL)
    record_decision(
        actor=actor,
        action="scope.create",
        scope=scope,
        subject=f"scope:{scope.path}",
        reason="",
        evidence={"kind": kind, "practice": practice, "criticality": criticality},
        at=at,
    )
    return scope


def _insert(scope: Scope) -> None:
    try:
        with transaction.atomic():
            scope.save(force_insert=True)
    except IntegrityError as refused:
        if "unique" not in str(refused):
            raise
        raise ScopeExists(f"There is already a scope {scope.slug!r} here.") from None
    scope.refresh_from_db(fields=["path"])
