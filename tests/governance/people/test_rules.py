import pytest
from django.contrib.auth.models import Group, Permission

from governance.organisations.operations import create_api_key
from governance.people.models import Ownership, User
from governance.people.rules import Actor, persona_allows
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, Person


def test_a_person_sees_what_they_or_their_group_own_and_nothing_else(
    search: Scope, ranker: Scope, globex: Scope, person: Person
) -> None:
    ada = person("ada@example.com", search)
    assert list(Scope.objects.visible_to(Actor.of_user(ada)).order_by("path")) == [search, ranker]
    group = Group.objects.create(name="finance")
    group.user_set.add(ada)
    Ownership.objects.create(scope=globex, group=group, persona="finance")
    assert list(Scope.objects.visible_to(Actor.of_user(ada)).order_by("path").values_list("path", flat=True)) == [
        "acme/search", "acme/search/ranker", "globex", "globex/unattributed",
    ]  # fmt: skip
    ada.is_active = False
    assert not Scope.objects.visible_to(Actor.of_user(ada)).exists()
    assert not Scope.objects.visible_to(Actor(label="nobody")).exists()


def test_a_right_reaches_down_and_not_up_or_aside(acme: Scope, search: Scope, ranker: Scope, person: Person) -> None:
    ada = Actor.of_user(person("ada@example.com", search, "finance", "approve_budget"))
    assert [ada.may("approve_budget", scope) for scope in (acme, search, ranker)] == [False, True, True]
    assert not ada.may("constrain_demand", ranker)


def test_a_key_never_approves_money_and_neither_does_the_installation(search: Scope) -> None:
    key, _ = create_api_key(scope=search, permissions=["admin"], actor=SYSTEM, at=AT)
    assert Actor.of_key(key).may("acknowledge", search)
    assert not Actor.of_key(key).may("approve_budget", search)
    assert not SYSTEM.may("approve_budget", search)


def test_what_a_group_may_change_it_may_change_in_its_own_scopes(acme: Scope, globex: Scope, person: Person) -> None:
    ada = person("ada@example.com", acme, "engineering")
    ada.user_permissions.add(Permission.objects.get(codename="change_apikey"))
    ada = User.objects.get(pk=ada.pk)
    assert [Actor.of_user(ada).may_change("governance.apikey", scope.path) for scope in (acme, globex)] == [True, False]


@pytest.mark.parametrize(
    ("persona", "permission", "allowed"),
    [
        ("engineering", "budgets.view_budget", True),
        ("engineering", "budgets.change_budget", False),
        ("finance", "budgets.change_budget", True),
        ("finance", "governance.change_channel", False),
        ("finops", "allocation.change_pricebook", True),
        ("finops", "budgets.change_budget", False),
        ("platform", "governance.add_apikey", True),
        ("platform", "governance.change_ownership", False),
        ("platform", "governance.change_user", False),
        ("platform", "auth.view_group", False),
        ("platform", "nonsense", False),
    ],
)
def test_what_a_persona_may_touch(persona: str, permission: str, allowed: bool) -> None:
    assert persona_allows(frozenset({persona}), permission) is allowed
    assert persona_allows(frozenset(), permission) is False
