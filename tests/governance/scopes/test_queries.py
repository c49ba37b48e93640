import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from governance.organisations.operations import create_api_key, create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from tests.governance.conftest import AT, SYSTEM


def test_the_tree_in_memory(acme: Scope, search: Scope, ranker: Scope, globex: Scope) -> None:
    tree = scope_tree()
    unattributed = Scope.objects.get(path="acme/unattributed").pk
    assert tree.ancestors(ranker.pk) == (ranker.pk, search.pk, acme.pk)
    assert tree.descendants(acme.pk) == (acme.pk, search.pk, ranker.pk, unattributed)
    assert tree.descendants(ranker.pk) == (ranker.pk,)
    assert tree.unattributed(ranker.pk) == unattributed
    assert tree.roots == (acme.pk, globex.pk)
    assert tree.by_path["acme/search"].currency == "USD"
    assert tree.is_at_or_below(ranker.pk, search.pk)
    assert not tree.is_at_or_below(search.pk, ranker.pk)


def test_siblings_whose_slug_starts_alike_are_not_below_each_other(acme: Scope, search: Scope, ranker: Scope) -> None:
    sibling = create_scope(slug="search-ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    assert scope_tree().descendants(search.pk) == (search.pk, ranker.pk)
    assert list(Scope.objects.at_or_below(search).order_by("path")) == [search, ranker]
    key, _ = create_api_key(scope=search, permissions=["scopes:read"], actor=SYSTEM, at=AT)
    assert sibling not in Scope.objects.visible_to(Actor.of_key(key))


@pytest.mark.django_db(transaction=True)
def test_the_tree_costs_one_query_when_nothing_changed_and_none_when_it_was_just_asked() -> None:
    create_scope(slug="acme", kind="organisation", actor=SYSTEM, at=AT)
    first = scope_tree()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert scope_tree() is first
        assert scope_tree(max_age_s=60) is first
    assert len(queries) == 1


@pytest.mark.django_db(transaction=True)
def test_a_tree_that_is_rolled_back_is_never_shown_to_others() -> None:
    acme = create_scope(slug="acme", kind="organisation", actor=SYSTEM, at=AT)
    with transaction.atomic():
        create_scope(slug="search", kind="team", parent=acme, actor=SYSTEM, at=AT)
        assert "acme/search" in scope_tree(max_age_s=60).by_path
        transaction.set_rollback(True)
    assert set(scope_tree(max_age_s=60).by_path) == {"acme", "acme/unattributed"}
    create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    assert set(scope_tree().by_path) == {"acme", "acme/unattributed", "acme/ads"}
