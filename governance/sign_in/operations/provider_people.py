"""People as the identity provider vouches for them: who they are here, and what their groups there give them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from governance.errors import DomainError, Forbidden, Invalid
from governance.organisations.operations.people import ownership_rights
from governance.organisations.operations.rights import NONE, record_person, rights_of
from governance.people.models import Ownership, User
from governance.people.rules import Actor, check_operates
from governance.records.operations import record_decision
from governance.scopes.models import Scope
from governance.sign_in.engine.providers import SUBJECT_LENGTH_MAX, SUPERUSER, Arrival, GroupGives, IdentityProvider
from governance.sign_in.models import ProviderIdentity

log = logging.getLogger(__name__)

# Before the provider's name of a group, in ours: its members are who signed in with it, and nobody else.
GROUP_PREFIX = "identity provider: "
ACTOR = Actor.system("identity provider")
NO_GROUP = "You are in no group of those that may come in here."


class AddressTaken(DomainError):
    """Somebody has the address here who is not known to be the same person."""


def admit(arrival: Arrival, provider: IdentityProvider, *, at: datetime) -> User:
    """The person, with what their groups give them now and no more. Who is new here is made when a group of theirs
    gives something. Changes of rights stay when the person may not come in (Forbidden). AddressTaken, Invalid.
    """
    given = provider.given_to(arrival.groups)
    try:
        identity = _known_or_new(arrival, given, at)
    except IntegrityError:
        # The same person in another browser, in this moment; or their address came to somebody else.
        identity = _known_or_new(arrival, given, at)
    user = _with_rights(identity, given, provider, at)
    if not user.is_active:
        raise Forbidden("This account is closed here.")
    if not (given or user.is_superuser or Ownership.objects.of(user.pk).exists()):
        raise Forbidden(NO_GROUP)
    return user


@transaction.atomic
def connect_person(*, user: User, issuer: str, subject: str, actor: Actor, at: datetime) -> ProviderIdentity:
    """From now on the subject at the provider signs in as the person. Forbidden; Invalid for somebody else's."""
    check_operates(actor)
    if not 0 < len(subject) <= SUBJECT_LENGTH_MAX:
        raise Invalid(f"A subject has 1 to {SUBJECT_LENGTH_MAX} characters.")
    identity, is_new = ProviderIdentity.objects.get_or_create(
        issuer=issuer, subject=subject, defaults={"user": user, "connected_at": at}
    )
    if identity.user_id != user.pk:
        raise Invalid(f"{subject} signs in as {identity.user.email} already.")
    if is_new:
        _record_connected(identity, actor, at)
    return identity


@transaction.atomic
def disconnect_person(*, user: User, actor: Actor, at: datetime) -> int:
    """How many identities the person had, by which they sign in no more; what their groups gave is gone. Forbidden."""
    check_operates(actor)
    identities = ProviderIdentity.objects.filter(user=user)
    subjects, before = [str(identity) for identity in identities], rights_of(user)
    if identities.filter(gives_superuser=True).exists():
        User.objects.filter(pk=user.pk).update(is_superuser=False)
    user.groups.remove(*user.groups.filter(name__startswith=GROUP_PREFIX))
    identities.delete()
    record_person(user=user, before=before, actor=actor, at=at)
    if subjects:
        record_decision(
            actor=actor, action="provider_identity.disconnect", scope=None, subject=f"user:{user.email}", reason="",
            evidence={"identities": subjects}, at=at,
        )  # fmt: skip
    return len(subjects)


@transaction.atomic
def _known_or_new(arrival: Arrival, given: tuple[GroupGives, ...], at: datetime) -> ProviderIdentity:
    known = ProviderIdentity.objects.filter(issuer=arrival.issuer, subject=arrival.subject).first()
    if known is not None:
        return known
    if User.objects.filter(email__iexact=arrival.email).exists():
        raise AddressTaken(
            f"{arrival.email} has an account here that is not connected with yours at the provider. Whoever runs Weir"
            f" connects it: weir users connect {arrival.email} --subject {arrival.subject}"
        )
    if not given:
        raise Forbidden(NO_GROUP)
    try:
        validate_email(arrival.email)
    except ValidationError:
        raise Invalid(f"{arrival.email!r} is no email address.", code="email_invalid") from None
    user = User.objects.create_user(
        arrival.email, None, is_staff=True, first_name=arrival.first_name, last_name=arrival.last_name
    )
    identity = ProviderIdentity.objects.create(
        issuer=arrival.issuer, subject=arrival.subject, user=user, connected_at=at
    )
    record_person(user=user, before=NONE, actor=ACTOR, at=at)
    _record_connected(identity, ACTOR, at)
    return identity


def _record_connected(identity: ProviderIdentity, actor: Actor, at: datetime) -> None:
    record_decision(
        actor=actor, action="provider_identity.connect", scope=None, subject=f"user:{identity.user.email}", reason="",
        evidence={"issuer": identity.issuer, "subject": identity.subject}, at=at,
    )  # fmt: skip


@transaction.atomic
def _with_rights(
    identity: ProviderIdentity, given: tuple[GroupGives, ...], provider: IdentityProvider, at: datetime
) -> User:
    user = User.objects.select_for_update().get(pk=identity.user_id)
    identity.refresh_from_db()
    before = rights_of(user)
    _settle_groups(provider, at)
    groups = Group.objects.filter(name__in=[_name_of(one.group) for one in given if one.scope])
    user.groups.remove(*user.groups.filter(name__startswith=GROUP_PREFIX).exclude(pk__in=groups.values("pk")))
    user.groups.add(*groups)
    is_superuser = any(one.persona == SUPERUSER for one in given)
    if is_superuser != identity.gives_superuser and (identity.gives_superuser or not user.is_superuser):
        # Who was made one otherwise stays one.
        user.is_superuser = identity.gives_superuser = is_superuser
        identity.save(update_fields=["gives_superuser"])
    user.is_staff = user.is_staff or bool(given)
    user.save(update_fields=["is_superuser", "is_staff"])
    record_person(user=user, before=before, actor=ACTOR, at=at)
    return user


def _settle_groups(provider: IdentityProvider, at: datetime) -> None:
    """Each group that is named owns what is stated of it; one that is named no more, nothing."""
    named: dict[str, list[GroupGives]] = {}
    for one in provider.groups:
        if one.scope:
            named.setdefault(_name_of(one.group), []).append(one)
    scopes = {scope.path: scope for scope in Scope.objects.filter(path__in={one.scope for one in provider.groups})}
    stored = {group.name: group for group in Group.objects.filter(name__startswith=GROUP_PREFIX).order_by("name")}
    for name in sorted({*named, *stored}):
        group = stored.get(name) or Group.objects.get_or_create(name=name)[0]
        _settle_group(group, named.get(name, []), scopes, at)


def _settle_group(group: Group, stated: list[GroupGives], scopes: Mapping[str, Scope], at: datetime) -> None:
    wanted = set()
    for one in stated:
        if one.scope in scopes:
            wanted |= {(one.scope, one.persona, right) for right in ownership_rights(one.persona, None)}
        else:
            log.error("WEIR_OIDC_GROUPS gives %s at %s, which is no scope", one.persona, one.scope)
    rows = {
        (row.scope.path, row.persona, row.decision_right): row.pk
        for row in Ownership.objects.filter(group=group).select_related("scope")
    }
    if wanted == rows.keys():
        return
    Ownership.objects.filter(pk__in=[pk for owned, pk in rows.items() if owned not in wanted]).delete()
    Ownership.objects.bulk_create(
        [
            Ownership(scope=scopes[path], group=group, persona=persona, decision_right=right)
            for path, persona, right in sorted(wanted - rows.keys())
        ],
        ignore_conflicts=True,
    )
    record_decision(
        actor=ACTOR, action="ownership.change", scope=None, subject=f"group:{group.pk}", reason=group.name,
        evidence={
            "differences": [
                *(f"owns + {' '.join(owned)}".rstrip() for owned in sorted(wanted - rows.keys())),
                *(f"owns - {' '.join(owned)}".rstrip() for owned in sorted(rows.keys() - wanted)),
            ]
        },
        at=at,
    )  # fmt: skip


def _name_of(group: str) -> str:
    return f"{GROUP_PREFIX}{group}"
