from typing import Any

from django.contrib.auth.models import Group

from governance.people.models import Ownership
from governance.people.queries import owners_by_path, visible_scope_paths
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.governance.conftest import SYSTEM, Person


def test_the_installation_sees_every_organisation(acme: Scope, search: Scope, globex: Scope) -> None:
    assert visible_scope_paths(SYSTEM) == ("acme", "globex")


def test_a_person_sees_the_tops_of_what_is_theirs(
    acme: Scope, search: Scope, ranker: Scope, globex: Scope, person: Person
) -> None:
    ada = person("ada@example.com", ranker)
    assert visible_scope_paths(Actor.of_user(ada)) == ("acme/search/ranker",)
    assert visible_scope_paths(Actor(label="nobody")) == ()


def test_an_owner_is_of_the_nearest_scope_that_has_any(
    acme: Scope, search: Scope, ranker: Scope, globex: Scope, person: Person, django_assert_num_queries: Any
) -> None:
    person("fay@example.com", acme, "finance")
    person("left@example.com", search, is_active=False)
    person("eve@example.com", ranker)
    team = Group.objects.create(name="rankers")
    team.user_set.add(person("bob@example.com", globex))
    Ownership.objects.create(scope=ranker, group=team, persona="engineering")
    with django_assert_num_queries(1):
        owners = owners_by_path(["acme/search", "acme/search/ranker", "acme"])
    assert owners == {
        "acme/search": ("fay@example.com",),
        "acme/search/ranker": ("bob@example.com", "eve@example.com"),
        "acme": ("fay@example.com",),
    }
