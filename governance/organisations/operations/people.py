"""Creating people, and giving them ownership."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from governance.errors import Invalid
from governance.organisations.operations.rights import NONE, record_person
from governance.people.models import DecisionRight, Ownership, Persona, User
from governance.people.rules import DEFAULT_RIGHTS, Actor, check_may_change
from governance.records.operations import record_decision
from governance.scopes.models import Scope

_PASSWORD_BYTES = 15


@transaction.atomic
def create_user(
    *,
    email: str,
    persona: str,
    scope: Scope,
    actor: Actor,
    at: datetime,
    rights: Sequence[str] | None = None,
) -> tuple[User, str | None]:
    """The person, given the persona on `scope`, and a random password to be shown once; the password is None for a
    person who exists already. `rights` of None are the persona's default rights.

    Invalid (`email_invalid`, `persona_unknown`, `right_unknown`), Forbidden.
    """
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid(f"{email!r} is no email address.", code="email_invalid") from None
    password: str | None = None
    user = User.objects.filter(email__iexact=address).first()
    if user is None:
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        user = User.objects.create_user(address, password, is_staff=True)
        record_person(user=user, before=NONE, actor=actor, at=at)
    grant_ownership(user=user, persona=persona, scope=scope, rights=rights, actor=actor, at=at)
    return user, password


@transaction.atomic
def grant_ownership(
    *, user: User, persona: str, scope: Scope, actor: Actor, at: datetime, rights: Sequence[str] | None = None
) -> None:
    """Adds to what the person owns; rights they hold already stay. Raises as `create_user`."""
    if persona not in Persona.values:
        raise Invalid(f"Unknown persona {persona!r}; one of {', '.join(Persona.values)}.", code="persona_unknown")
    wanted = ownership_rights(persona, rights)
    if unknown := sorted(set(wanted) - {*DecisionRight.values, ""}):
        raise Invalid(f"Unknown right {unknown[0]!r}; one of {', '.join(DecisionRight.values)}.", code="right_unknown")
    check_may_change(actor, "governance.ownership", scope.path)
    Ownership.objects.bulk_create(
        [Ownership(scope=scope, user=user, persona=persona, decision_right=right) for right in wanted],
        ignore_conflicts=True,
    )
    record_decision(
        actor=actor,
        action="ownership.grant",
        scope=scope,
        subject=f"user:{user.email}",
        reason="",
        evidence={"persona": persona, "rights": list(wanted)},
        at=at,
    )


def ownership_rights(persona: str, rights: Sequence[str] | None) -> tuple[str, ...]:
    """The decision rights to store, a row for each; a persona without any right is one row with an empty right."""
    if rights is None:
        return tuple(DEFAULT_RIGHTS[persona])
    return tuple(rights) or ("",)
