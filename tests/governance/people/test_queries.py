from governance.people.queries import visible_scope_paths
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
