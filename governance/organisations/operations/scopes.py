"""Creating and changing scopes, in the admin, by command and from documents."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db import IntegrityError, transaction

from governance.documents import Change
from governance.errors import DomainError, Invalid, NotFound
from governance.messages.models import Channel, ChannelKind
from governance.messages.queries import OWNERS_CHANNEL
from governance.organisations.documents import ScopeDocument
from governance.organisations.operations.people import ownership_rights
from governance.people.models import Ownership, User
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
) -> Scope:
    """A scope; an organisation (no parent) gets its unattributed scope and the email channel to its owners as well.

    Forbidden, ScopeExists; Invalid (`slug_invalid`, `slug_reserved`, `path_too_long`, `labels_invalid`, `kind_invalid`,
    `currency_not_at_root`).
    """
    scope = checked_scope(
        slug=slug, kind=kind, actor=actor, parent=parent, name=name, practice=practice, environment=environment,
        criticality=criticality, labels=labels or {}, currency=currency,
    )  # fmt: skip
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


def plan_scope(document: ScopeDocument, *, at: datetime, known_paths: Collection[str] = frozenset()) -> Change:
    """What `apply_scope` would do. `known_paths` are scopes declared earlier in the same apply.

    NotFound (`parent_unknown`), Invalid (`user_unknown`).
    """
    del at
    path = document.metadata.name
    owners = _wanted_owners(document)
    scope = Scope.objects.filter(path=path).first()
    if scope is None:
        parent, _, _ = path.rpartition("/")
        if parent and parent not in known_paths and not Scope.objects.filter(path=parent).exists():
            raise NotFound(
                f"The scope {path} has no parent: declare {parent} before it.", code="parent_unknown", parent=parent
            )
        return Change("Scope", path, "create")
    differences = (*_field_differences(scope, document), *_owner_differences(scope, owners))
    return Change("Scope", path, "update" if differences else "unchanged", differences)


@transaction.atomic
def apply_scope(document: ScopeDocument, *, actor: Actor, at: datetime) -> Change:
    """Creates or updates the scope and its owners as the document says. Raises as `plan_scope` and `create_scope`, and
    CurrencyFixed.
    """
    change = plan_scope(document, at=at)
    if change.action == "unchanged":
        return change
    path, spec = document.metadata.name, document.spec
    check_may_change(actor, "governance.scope", path)
    if change.action == "create":
        parent_path, _, slug = path.rpartition("/")
        scope = create_scope(
            slug=slug,
            kind=spec.kind,
            parent=Scope.objects.get(path=parent_path) if parent_path else None,
            name=document.metadata.title,
            actor=actor,
            at=at,
            practice=spec.practice,
            environment=spec.environment,
            criticality=spec.criticality,
            labels=spec.labels,
            currency=spec.currency or "",
        )
    else:
        scope = Scope.objects.select_for_update(no_key=True).get(path=path)
        before, fields = scope.currency, _wanted_fields(document)
        for name, wanted in fields.items():
            setattr(scope, name, wanted)
        _save(scope, fields, before=before)
    _set_owners(scope, _wanted_owners(document))
    if change.action == "update" or spec.owners:
        record_decision(
            actor=actor,
            action="scope.apply",
            scope=scope,
            subject=f"scope:{path}",
            reason="",
            evidence={"differences": list(change.differences)},
            at=at,
        )
    return change


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


CHANGEABLE = frozenset({"name", "kind", "practice", "environment", "criticality", "labels", "currency"})


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
    _save(scope, [*changes], before=before)
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


def _save(scope: Scope, fields: Iterable[str], *, before: str) -> None:
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


Owner = tuple[str, str, str]


def _wanted_fields(document: ScopeDocument) -> dict[str, object]:
    """The fields as the document states them; a currency left out stays as it is."""
    spec = document.spec
    wanted: dict[str, object] = {
        "name": document.metadata.title,
        "kind": spec.kind,
        "practice": spec.practice,
        "environment": spec.environment,
        "criticality": spec.criticality,
        "labels": spec.labels,
    }
    return {**wanted, "currency": spec.currency} if spec.currency else wanted


def _field_differences(scope: Scope, document: ScopeDocument) -> tuple[str, ...]:
    return tuple(
        f"{name}: {getattr(scope, name)!r} → {wanted!r}"
        for name, wanted in _wanted_fields(document).items()
        if getattr(scope, name) != wanted
    )


def _wanted_owners(document: ScopeDocument) -> frozenset[Owner] | None:
    """(email, persona, right) of each owner; None when the document does not mention owners."""
    if document.spec.owners is None:
        return None
    known = set(
        User.objects.values_list("email", flat=True).filter(email__in=[owner.email for owner in document.spec.owners])
    )
    for owner in document.spec.owners:
        if owner.email not in known:
            raise Invalid(
                f"The scope {document.metadata.name} names the owner {owner.email}, whom nobody has created yet: "
                f"weir users create {owner.email} --persona {owner.persona} --scope {document.metadata.name}",
                code="user_unknown",
                email=owner.email,
            )
    return frozenset(
        (owner.email, owner.persona, right)
        for owner in document.spec.owners
        for right in ownership_rights(owner.persona, owner.rights)
    )


def _stored_owners(scope: Scope) -> frozenset[Owner]:
    rows = Ownership.objects.filter(scope=scope, user__isnull=False)
    return frozenset(rows.values_list("user__email", "persona", "decision_right"))


def _owner_differences(scope: Scope, wanted: frozenset[Owner] | None) -> tuple[str, ...]:
    if wanted is None:
        return ()
    stored = _stored_owners(scope)
    return (
        *(f"owner + {' '.join(owner)}".rstrip() for owner in sorted(wanted - stored)),
        *(f"owner - {' '.join(owner)}".rstrip() for owner in sorted(stored - wanted)),
    )


def _set_owners(scope: Scope, wanted: frozenset[Owner] | None) -> None:
    if wanted is None:
        return
    stored = _stored_owners(scope)
    users = dict(User.objects.filter(email__in=[email for email, _, _ in wanted]).values_list("email", "pk"))
    for email, persona, right in stored - wanted:
        Ownership.objects.filter(scope=scope, user__email=email, persona=persona, decision_right=right).delete()
    Ownership.objects.bulk_create(
        [
            Ownership(scope=scope, user_id=users[email], persona=persona, decision_right=right)
            for email, persona, right in sorted(wanted - stored)
        ]
    )
