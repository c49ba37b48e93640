from django.contrib.auth.models import Group

from governance.people.models import User
from governance.people.queries import deciders, holders
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import finance, person

__all__ = ["finance"]


def test_those_of_the_nearest_scope_decide_and_groups_too(acme: Scope, search: Scope, finance: Actor) -> None:
    assert deciders(search.pk) == ("fay@example.com",)
    lead = person("lea@example.com", search, "engineering", "approve_budget")
    group = Group.objects.create(name="controllers")
    User.objects.create_user("gus@example.com", "a long password").groups.add(group)
    search.ownerships.create(group=group, persona="finance", decision_right="approve_budget")

    assert deciders(search.pk) == ("gus@example.com", "lea@example.com")
    lead.user.is_active = False
    lead.user.save()
    gus = User.objects.get(email="gus@example.com")
    assert deciders(search.pk) == ("gus@example.com",)
    assert deciders(search.pk, without=[gus.pk]) == ("fay@example.com",)
    assert holders([search.pk, acme.pk]) == {search.pk: {"gus@example.com"}, acme.pk: {"fay@example.com"}}
