"""Creating and changing scopes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import IntegrityError, transaction

from governance.errors import DomainError, Invalid
from governance.messages.models import Channel, ChannelKind
from governance.messages.queries import OWNERS_CHANNEL
from governance.people.rules import Actor, check_may_change
from governance.records.operations import record_decision
from governance.scopes.models import (
    PATH_LENGTH_MAX,
    SLUG_PATTERN,
    UNATTRIBUTED_SLUG,
    Criticality,
    Practice,
    Scope,
    ScopeKind,
)
from governance.work.engine.locks import PERIOD_LOCK
from governance.work.operations import hold

MONTHS_IN_YEAR = 12


class ScopeExists(DomainError):
    """The parent has a scope of this slug already."""

    code = "scope_exists"


class CurrencyFixed(DomainError):
    """Usage, a commitment, a budget or an accepted unit cost is stored in the organisation's currency."""

    code = "currency_fixed"


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
    fiscal_year_starts: int = 1,
) -> Scope:
    """A scope; an organisation (no parent) gets its unattributed scope and the email channel to its owners as well.

    Forbidden, ScopeExists; Invalid (`slug_invalid`, `slug_reserved`, `path_too_long`, `labels_invalid`, `kind_invalid`,
    `currency_not_at_root`, `fiscal_year_invalid`).
    """
    scope = checked_scope(
        slug=slug, kind=kind, actor=actor, parent=parent, name=name, practice=practice, environment=environment,
        criticality=criticality, labels=labels or {}, currency=currency,
    )  # fmt: skip
    _set_fiscal_year(scope, fiscal_year_starts)
    _insert(scope)
    if parent is None:
        _create_unattributed_and_channel(scope)
    record_decision(
        actor=actor,
        action="scope.create",
        scope=scope,
        subject=f"scope:{scope.path}",
        reason="",
        evidence=evidence_of_new(scope),
        at=at,
    )
    return scope


def evidence_of_new(scope: Scope) -> dict[str, object]:
    """The evidence of the decision record `scope.create`."""
    return {"kind": scope.kind, "practice": scope.practice, "criticality": scope.criticality}


def checked_scope(
    *,
    slug: str,
    kind: str,
    actor: Actor,
    parent: Scope | None,
    name: str,
    practice: str,
    environment: str,
    criticality: str,
    labels: Mapping[str, str],
    currency: str,
) -> Scope:
    """The scope that `create_scope` stores. Raises as it does, but for ScopeExists."""
    check_may_change(actor, "governance.scope", slug if parent is None else parent.path)
    if not re.fullmatch(SLUG_PATTERN, slug):
        raise Invalid(f"{slug!r} is no slug: lower-case letters, digits and . _ - only.", code="slug_invalid")
    if parent is not None and len(parent.path) + 1 + len(slug) > PATH_LENGTH_MAX:
        raise Invalid(f"The path would be longer than {PATH_LENGTH_MAX} characters.", code="path_too_long")
    check_labels(labels)
    if slug == UNATTRIBUTED_SLUG:
        raise Invalid("The slug 'unattributed' is kept for what matches no attribution rule.", code="slug_reserved")
    if (parent is None) != (kind == ScopeKind.ORGANISATION):
        raise Invalid("An organisation has no parent, and everything else has one.", code="kind_invalid")
    if parent is not None and currency:
        raise Invalid("The currency stands at the organisation.", code="currency_not_at_root")
    return Scope(
        slug=slug,
        kind=kind,
        parent=parent,
        name=name,
        practice=practice,
        environment=environment,
        criticality=criticality,
        labels=dict(labels),
        currency=(currency or "USD") if parent is None else "",
    )


def _set_fiscal_year(scope: Scope, month: object) -> None:
    if not isinstance(month, int) or not 1 <= month <= MONTHS_IN_YEAR:
        raise Invalid("A fiscal year starts in a month from 1 to 12.", code="fiscal_year_invalid")
    if scope.parent_id is not None and month != 1:
        raise Invalid("The fiscal year stands at the organisation.", code="fiscal_year_invalid")
    scope.fiscal_year_starts = month


def _create_unattributed_and_channel(organisation: Scope) -> None:
    """What every organisation has: the scope of usage that no rule attributes, and the email channel to its owners."""
    _insert(
        Scope(
            slug=UNATTRIBUTED_SLUG,
            kind=ScopeKind.BUSINESS_UNIT,
            parent=organisation,
            name="Unattributed",
            practice=organisation.practice,
            is_unattributed=True,
        )
    )
    Channel.objects.create(scope=organisation, kind=ChannelKind.EMAIL, name=OWNERS_CHANNEL)


def _insert(scope: Scope) -> None:
    try:
        with transaction.atomic():
            scope.save(force_insert=True)
    except IntegrityError as refused:
        if "unique" not in str(refused):
            raise
        raise ScopeExists(f"There is already a scope {scope.slug!r} here.") from None
    scope.refresh_from_db(fields=["path"])


LABELS_MAX, LABEL_LENGTH_MAX = 64, 200


def check_labels(labels: object) -> None:
    """Invalid (`labels_invalid`) unless labels map texts to texts, within LABELS_MAX and LABEL_LENGTH_MAX."""
    if not (
        isinstance(labels, Mapping)
        and len(labels) <= LABELS_MAX
        and all(isinstance(part, str) and len(part) <= LABEL_LENGTH_MAX for pair in labels.items() for part in pair)
    ):
        raise Invalid(
            f'Labels are at most {LABELS_MAX} names and texts, such as {{"tier": "gold"}}.', code="labels_invalid"
        )


CHANGEABLE = frozenset({"name", "kind", "practice", "environment", "criticality", "labels", "currency"}) | {
    "fiscal_year_starts"
}


@transaction.atomic
def change_scope(*, scope_id: int, changes: Mapping[str, object], actor: Actor, at: datetime) -> Scope:
    """Sets the fields in `changes`, by name; a scope's slug and parent are not among them.

    Invalid (`field_not_changeable`, `labels_invalid`), Forbidden, CurrencyFixed.
    """
    if unknown := sorted(set(changes) - CHANGEABLE):
        raise Invalid(f"{unknown[0]} of a scope does not change.", code="field_not_changeable")
    if "labels" in changes:
        changes = {**changes, "labels": changes["labels"] or {}}
        check_labels(changes["labels"])
    scope = Scope.objects.select_for_update(no_key=True).get(pk=scope_id)
    check_may_change(actor, "governance.scope", scope.path)
    differences = [
        f"{name}: {getattr(scope, name)!r} → {wanted!r}"
        for name, wanted in changes.items()
        if getattr(scope, name) != wanted
    ]
    before = scope.currency
    for name, wanted in changes.items():
        setattr(scope, name, wanted)
    _set_fiscal_year(scope, scope.fiscal_year_starts)
    save_fields(scope, [*changes], before=before)
    record_decision(
        actor=actor,
        action="scope.change",
        scope=scope,
        subject=f"scope:{scope.path}",
        reason="",
        evidence={"differences": differences},
        at=at,
    )
    return scope


def save_fields(scope: Scope, fields: Iterable[str], *, before: str) -> None:
    """Saves the fields. `before` is the stored currency: a trigger refuses another once figures are stored in it."""
    if scope.currency != before:
        # Usage is counted under the same lock, shared: none comes in the former currency after it was looked for.
        hold(PERIOD_LOCK)
    try:
        with transaction.atomic():
            scope.save(update_fields=[*fields])
    except IntegrityError as problem:
        if "currency is fixed" not in str(problem):
            raise
        raise CurrencyFixed(
            f"{scope.path} counts in {before}: its usage, commitments, budgets and accepted unit costs are stored in"
            f" it, so the currency stays. For figures in {scope.currency} begin another organisation."
        ) from problem
