"""The tree, who owns it and the installation's secrets are changed by operators and superusers only."""

from collections.abc import Callable

import pytest

from governance.errors import Forbidden
from governance.messages.operations import rotate_secrets
from governance.organisations.operations import apply_scope, change_scope, create_api_key, create_scope, create_user
from governance.people.models import Ownership, User
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, Person
from tests.governance.declared_documents import SEARCH, scope

WITHOUT_OWNERS = SEARCH.partition("  owners:")[0]


def new_organisation(actor: Actor) -> None:
    create_scope(slug="initech", kind="organisation", actor=actor, at=AT)


def new_scope(actor: Actor) -> None:
    create_scope(slug="ads", kind="team", parent=Scope.objects.get(path="acme"), actor=actor, at=AT)


def new_labels(actor: Actor) -> None:
    change_scope(scope_id=Scope.objects.get(path="acme").pk, changes={"labels": {"a": "b"}}, actor=actor, at=AT)


def document(actor: Actor) -> None:
    apply_scope(scope(WITHOUT_OWNERS), actor=actor, at=AT)


def new_owner(actor: Actor) -> None:
    acme = Scope.objects.get(path="acme")
    create_user(email="new@example.com", persona="finance", scope=acme, actor=actor, at=AT)


def secrets(actor: Actor) -> None:
    rotate_secrets(actor=actor, at=AT)


Changing = Callable[[Actor], None]
EVERY = (new_organisation, new_scope, new_labels, document, new_owner, secrets)


def state() -> list[object]:
    return [
        list(Scope.objects.order_by("pk").values_list("path", "labels")),
        list(Ownership.objects.order_by("pk").values_list("user__email", "persona", "decision_right")),
        User.objects.count(),
        DecisionRecord.objects.count(),
    ]


def refused(change: Changing, actor: Actor) -> None:
    before = state()
    with pytest.raises(Forbidden, match="has no say over"):
        change(actor)
    assert state() == before


@pytest.mark.parametrize("change", EVERY)
@pytest.mark.parametrize("persona", ["engineering", "finance", "finops", "platform"])
def test_no_persona_changes_the_tree_or_who_owns_it(
    acme: Scope, person: Person, persona: str, change: Changing
) -> None:
    refused(change, Actor.of_user(person("ada@example.com", acme, persona)))


@pytest.mark.parametrize("change", EVERY)
def test_no_key_does(acme: Scope, change: Changing) -> None:
    key, _plaintext = create_api_key(scope=acme, permissions=["admin"], actor=SYSTEM, at=AT)
    refused(change, Actor.of_key(key))


@pytest.mark.parametrize("change", EVERY[:-1])
def test_a_superuser_does(acme: Scope, change: Changing) -> None:
    before = state()
    change(Actor.of_user(User.objects.create_superuser("root@example.com", "a long password")))
    assert state() != before


def test_a_superuser_rotates_secrets(acme: Scope) -> None:
    root = Actor.of_user(User.objects.create_superuser("root@example.com", "a long password"))
    assert rotate_secrets(actor=root, at=AT).resealed == 0
