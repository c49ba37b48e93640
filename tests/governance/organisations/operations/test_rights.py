"""No change of what somebody may do goes unrecorded, whichever way it is made."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from governance.errors import Forbidden
from governance.organisations.operations import create_user
from governance.organisations.operations.rights import (
    NONE,
    create_superuser,
    delete_group,
    record_group,
    record_password,
    record_person,
    rights_of,
)
from governance.people.models import User
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.records.queries import verify_chain
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, Person
from tests.governance.test_admin import signed_in

ROOT = "root@example.com"


def recorded() -> list[tuple[str, str, str, Any]]:
    rows = DecisionRecord.objects.filter(action__regex="^(user|group)[.]").order_by("seq")
    return list(rows.values_list("actor", "action", "subject", "evidence__differences"))


@pytest.fixture
def root(db: None) -> Client:
    return signed_in(User.objects.create_superuser(ROOT, "a long password"))


@pytest.fixture
def ada(acme: Scope, person: Person) -> User:
    return person("ada@example.com", acme, "platform")


def form_of(user: User, **changes: Any) -> dict[str, Any]:
    return {"email": user.email, "first_name": "", "last_name": "", "is_active": "on", "is_staff": "on", **changes}


def test_whoever_is_made_a_superuser_in_the_admin_is_recorded(root: Client, ada: User) -> None:
    page = f"/admin/governance/user/{ada.pk}/change/"
    assert root.post(page, form_of(ada, is_superuser="on")).status_code == 302
    assert root.post(page, form_of(ada, first_name="Ada", is_superuser="on")).status_code == 302
    assert root.post(page, form_of(ada, is_active="")).status_code == 302
    assert recorded() == [
        (ROOT, "user.change", "user:ada@example.com", ["is_superuser: False → True"]),
        (ROOT, "user.change", "user:ada@example.com", ["is_active: True → False", "is_superuser: True → False"]),
    ]
    assert verify_chain().broken is None


def test_so_are_a_new_person_a_group_its_permissions_and_its_end(root: Client, ada: User) -> None:
    new = {"email": "Bob@Example.com", "usable_password": "false"}
    assert root.post("/admin/governance/user/add/", new).status_code == 302
    may = Permission.objects.get(codename="change_user")
    assert root.post("/admin/auth/group/add/", {"name": "people", "permissions": [may.pk]}).status_code == 302
    group = Group.objects.get()
    page = f"/admin/governance/user/{ada.pk}/change/"
    assert root.post(page, form_of(ada, groups=[group.pk])).status_code == 302
    assert root.post(f"/admin/auth/group/{group.pk}/change/", {"name": "staff"}).status_code == 302
    assert root.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}).status_code == 302
    subject = f"group:{group.pk}"
    assert recorded() == [
        (ROOT, "user.create", "user:bob@example.com", ["email: — → bob@example.com", "is_active: — → True"]),
        (ROOT, "group.create", subject, ["name: — → people", "permissions + governance.change_user"]),
        (ROOT, "user.change", "user:ada@example.com", ["groups + people"]),
        (ROOT, "group.change", subject, ["name: people → staff", "permissions - governance.change_user"]),
        (ROOT, "group.delete", subject, ["name: staff → —", "members - ada@example.com"]),
    ]


def test_groups_deleted_from_their_list_are_recorded_each(root: Client) -> None:
    kept = sorted((Group.objects.create(name=name) for name in ("a", "b")), key=lambda one: str(one.pk))
    chosen = {"action": "delete_selected", "_selected_action": [group.pk for group in kept], "post": "yes"}
    assert root.post("/admin/auth/group/", chosen).status_code == 302
    assert not Group.objects.exists()
    assert sorted(one[2:] for one in recorded()) == [(f"group:{one.pk}", [f"name: {one.name} → —"]) for one in kept]


def test_a_password_that_somebody_else_sets_is_recorded_and_a_wrong_form_is_not(root: Client, ada: User) -> None:
    page = f"/admin/governance/user/{ada.pk}/password/"
    wrong = {"usable_password": "true", "password1": "short", "password2": "short"}
    assert root.post(page, wrong).status_code == 200
    right = {"usable_password": "true", "password1": "another long one", "password2": "another long one"}
    assert root.post(page, right).status_code == 302
    assert recorded() == [(ROOT, "user.set_password", "user:ada@example.com", None)]


@pytest.mark.django_db
def test_createsuperuser_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_AS", "")
    monkeypatch.setattr("governance.management.arguments.getpass.getuser", lambda: "ops")
    for variable in ("GITHUB_ACTOR", "SUDO_USER"):
        monkeypatch.delenv(variable, raising=False)
    User.objects.create_superuser(ROOT, "a long password")
    call_command("createsuperuser", "--noinput", "--email", "boss@example.com", verbosity=0)
    differences = ["email: — → boss@example.com", "is_active: — → True", "is_staff: — → True", "is_superuser: — → True"]
    assert recorded() == [("command line, ops", "user.create", "user:boss@example.com", differences)]


def test_changepassword_is_recorded(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ["another long one", "another long one"]
    monkeypatch.setattr(
        "django.contrib.auth.management.commands.changepassword.Command._get_pass", lambda *_: said.pop()
    )
    call_command("changepassword", "ada@example.com", verbosity=0)
    assert [one[1:3] for one in recorded()] == [("user.set_password", "user:ada@example.com")]
    with pytest.raises(CommandError):
        call_command("changepassword", "nobody@example.com", verbosity=0)
    assert len(recorded()) == 1


def test_people_made_by_command_or_at_the_first_start_are_recorded(acme: Scope) -> None:
    create_user(email="fay@example.com", persona="finance", scope=acme, actor=SYSTEM, at=AT)
    create_user(email="fay@example.com", persona="finops", scope=acme, actor=SYSTEM, at=AT)
    create_superuser(email="admin@localhost", password="a long password", actor=SYSTEM, at=AT)
    assert [one[1:3] for one in recorded()] == [
        ("user.create", "user:fay@example.com"), ("user.create", "user:admin@localhost"),
    ]  # fmt: skip


def test_who_does_not_manage_people_changes_nobody(ada: User) -> None:
    actor, boss = Actor.of_user(ada), User.objects.create_superuser("boss@example.com", "a long password")
    group = Group.objects.create(name="staff")
    for refused in (
        lambda: record_person(user=ada, before=NONE, actor=actor, at=AT),
        lambda: record_password(user=ada, actor=actor, at=AT),
        lambda: record_group(group=group, before=NONE, actor=actor, at=AT),
        lambda: delete_group(group=group, actor=actor, at=AT),
        lambda: create_superuser(email="eve@example.com", password="x", actor=actor, at=AT),
    ):
        with pytest.raises(Forbidden):
            refused()
    ada.user_permissions.add(Permission.objects.get(codename="change_user"))
    manager = Actor.of_user(User.objects.get(pk=ada.pk))
    record_password(user=ada, actor=manager, at=AT)
    with pytest.raises(Forbidden):
        record_password(user=boss, actor=manager, at=AT)
    assert Group.objects.exists()
    assert not User.objects.filter(email="eve@example.com").exists()


def test_nothing_is_recorded_where_nothing_changed(ada: User) -> None:
    record_person(user=ada, before=rights_of(ada), actor=SYSTEM, at=AT)
    assert recorded() == []
