"""Scopes and their owners as documents state them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction

from governance.documents import Change
from governance.errors import Invalid, NotFound
from governance.organisations.documents import ScopeDocument
from governance.organisations.operations.people import ownership_rights
from governance.organisations.operations.scopes import create_scope, save_fields
from governance.people.models import Ownership, User
from governance.people.rules import Actor, check_may_change
from governance.records.operations import record_decision
from governance.scopes.models import Scope

Owner = tuple[str, str, str]


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
            fiscal_year_starts=spec.fiscal_year_starts or 1,
        )
    else:
        scope = Scope.objects.select_for_update(no_key=True).get(path=path)
        before, fields = scope.currency, _wanted_fields(document)
        for name, wanted in fields.items():
            setattr(scope, name, wanted)
        save_fields(scope, fields, before=before)
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


def _wanted_fields(document: ScopeDocument) -> dict[str, object]:
    """The fields as the document states them; a currency and a fiscal year left out stay as they are."""
    spec = document.spec
    wanted: dict[str, object] = {
        "name": document.metadata.title,
        "kind": spec.kind,
        "practice": spec.practice,
        "environment": spec.environment,
        "criticality": spec.criticality,
        "labels": spec.labels,
    }
    stated = {"currency": spec.currency, "fiscal_year_starts": spec.fiscal_year_starts}
    return wanted | {name: value for name, value in stated.items() if value}


def _field_differences(scope: Scope, document: ScopeDocument) -> tuple[str, ...]:
    return tuple(
        f"{name}: {getattr(scope, name)!r} → {wanted!r}"
        for name, wanted in _wanted_fields(document).items()
        if getattr(scope, name) != wanted
    )


def is_as_declared(scope: Scope, document: ScopeDocument, owners: frozenset[Owner]) -> bool:
    """Whether applying the document would change nothing. `owners` are those of the scope, as `stored_owners` has
    them.
    """
    return not _field_differences(scope, document) and _declared_owners(document) in {None, owners}


def _declared_owners(document: ScopeDocument) -> frozenset[Owner] | None:
    """(email, persona, right) of each owner; None when the document does not mention owners."""
    if document.spec.owners is None:
        return None
    return frozenset(
        (owner.email, owner.persona, right)
        for owner in document.spec.owners
        for right in ownership_rights(owner.persona, owner.rights)
    )


def _wanted_owners(document: ScopeDocument) -> frozenset[Owner] | None:
    """As `_declared_owners`. Invalid (`user_unknown`)."""
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
    return _declared_owners(document)


def stored_owners(scope_ids: Iterable[int]) -> dict[int, frozenset[Owner]]:
    """(email, persona, right) of each owner, by scope; an empty set where there is none."""
    found: dict[int, set[Owner]] = {scope_id: set() for scope_id in scope_ids}
    rows = Ownership.objects.filter(scope__in=list(found), user__isnull=False)
    for scope_id, email, persona, right in rows.values_list("scope_id", "user__email", "persona", "decision_right"):
        found[scope_id].add((email, persona, right))
    return {scope_id: frozenset(owners) for scope_id, owners in found.items()}


def _owner_differences(scope: Scope, wanted: frozenset[Owner] | None) -> tuple[str, ...]:
    if wanted is None:
        return ()
    stored = stored_owners([scope.pk])[scope.pk]
    return (
        *(f"owner + {' '.join(owner)}".rstrip() for owner in sorted(wanted - stored)),
        *(f"owner - {' '.join(owner)}".rstrip() for owner in sorted(stored - wanted)),
    )


def _set_owners(scope: Scope, wanted: frozenset[Owner] | None) -> None:
    if wanted is None:
        return
    stored = stored_owners([scope.pk])[scope.pk]
    users = dict(User.objects.filter(email__in=[email for email, _, _ in wanted]).values_list("email", "pk"))
    for email, persona, right in stored - wanted:
        Ownership.objects.filter(scope=scope, user__email=email, persona=persona, decision_right=right).delete()
    Ownership.objects.bulk_create(
        [
            Ownership(scope=scope, user_id=users[email], persona=persona, decision_right=right)
            for email, persona, right in sorted(wanted - stored)
        ]
    )
