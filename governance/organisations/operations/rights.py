"""What people and groups may do beside what they own, as the chain tells of every change of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import QuerySet

from governance.people.models import User
from governance.people.rules import Actor, check_manages, check_manages_groups, check_operates
from governance.records.operations import record_decision

# Facts by name: a text, a flag, or the names in a list.
Rights = Mapping[str, str | bool | Sequence[str]]
NONE: Rights = {}


def rights_of(user: User) -> Rights:
    """As they are stored now."""
    stored = User.objects.get(pk=user.pk)
    return {
        "email": stored.email,
        "is_active": stored.is_active,
        "is_staff": stored.is_staff,
        "is_superuser": stored.is_superuser,
        "groups": sorted(stored.groups.values_list("name", flat=True)),
        "permissions": _named(stored.user_permissions.all()),
    }


def rights_of_group(group: Group) -> Rights:
    """As they are stored now, with who belongs to it."""
    stored = Group.objects.get(pk=group.pk)
    return {
        "name": stored.name,
        "permissions": _named(stored.permissions.all()),
        "members": sorted(User.objects.filter(groups=stored).values_list("email", flat=True)),
    }


def _named(permissions: QuerySet[Permission]) -> list[str]:
    return sorted(f"{app}.{name}" for app, name in permissions.values_list("content_type__app_label", "codename"))


def record_person(*, user: User, before: Rights, actor: Actor, at: datetime) -> None:
    """What changed of a person's rights since `before`, NONE for somebody new; nothing where nothing did. In the
    transaction that changes them, last. Forbidden.
    """
    check_manages(actor, user)
    if differences := _differences(before, rights_of(user)):
        record_decision(
            actor=actor,
            action="user.change" if before else "user.create",
            scope=None,
            subject=f"user:{user.email}",
            reason="",
            evidence={"differences": differences},
            at=at,
        )


def record_password(*, user: User, actor: Actor, at: datetime) -> None:
    """Somebody gave a person another password: who has it may do what the person may. As `record_person`."""
    check_manages(actor, user)
    record_decision(
        actor=actor, action="user.set_password", scope=None, subject=f"user:{user.email}", reason="", evidence={}, at=at
    )


def record_group(*, group: Group, before: Rights, actor: Actor, at: datetime) -> None:
    """As `record_person`."""
    check_manages_groups(actor)
    if differences := _differences(before, rights_of_group(group)):
        record_decision(
            actor=actor,
            action="group.change" if before else "group.create",
            scope=None,
            subject=f"group:{group.pk}",
            reason=group.name,
            evidence={"differences": differences},
            at=at,
        )


@transaction.atomic
def delete_group(*, group: Group, actor: Actor, at: datetime) -> None:
    """Its members lose what it gave. Forbidden; ProtectedError while it owns a scope."""
    check_manages_groups(actor)
    before, pk = rights_of_group(group), group.pk
    group.delete()
    record_decision(
        actor=actor,
        action="group.delete",
        scope=None,
        subject=f"group:{pk}",
        reason=str(before["name"]),
        evidence={"differences": _differences(before, NONE)},
        at=at,
    )


@transaction.atomic
def create_superuser(*, email: str, password: str, actor: Actor, at: datetime) -> User:
    """Somebody who may do everything. Forbidden."""
    check_operates(actor)
    user = User.objects.create_superuser(email, password)
    record_person(user=user, before=NONE, actor=actor, at=at)
    return user


def _differences(before: Rights, after: Rights) -> list[str]:
    """A line for each fact that is another, and for each name that came to a list or left it."""
    lines = []
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if isinstance(old, list) or isinstance(new, list):
            was, is_now = _names(old), _names(new)
            lines += [f"{name} + {one}" for one in sorted(is_now - was)]
            lines += [f"{name} - {one}" for one in sorted(was - is_now)]
        elif (old or None) != (new or None):
            lines.append(f"{name}: {_said(old)} → {_said(new)}")
    return lines


def _names(fact: str | bool | Sequence[str] | None) -> set[str]:  # noqa: FBT001  # a fact, no switch
    return set(fact) if isinstance(fact, list) else set()


def _said(fact: str | bool | Sequence[str] | None) -> str:  # noqa: FBT001  # See above.
    return "—" if fact is None else str(fact)
