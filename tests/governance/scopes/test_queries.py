from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from governance.organisations.operations import create_api_key, create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.scopes.queries import ScopeTree, build_tree, changes_currency, scope_tree, tree_with
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


@pytest.mark.django_db(transaction=True)
def test_after_a_change_only_what_was_written_is_another_node() -> None:
    acme = create_scope(slug="acme", kind="organisation", actor=SYSTEM, at=AT)
    search = create_scope(slug="search", kind="team", parent=acme, actor=SYSTEM, at=AT)
    ranker = create_scope(slug="ranker", kind="workload", parent=search, actor=SYSTEM, at=AT)
    before = scope_tree()
    ads = Scope.objects.create(slug="ads", kind="team", parent=acme)
    Scope.objects.filter(pk=search.pk).update(slug="find")
    after = scope_tree()
    assert after.descendants(acme.pk) == (acme.pk, ads.pk, search.pk, ranker.pk, after.by_path["acme/unattributed"].id)
    assert sorted(after.by_path) == ["acme", "acme/ads", "acme/find", "acme/find/ranker", "acme/unattributed"]
    assert after.by_id[acme.pk] is before.by_id[acme.pk]
    assert before.by_id[search.pk].path == "acme/search"
    Scope.objects.filter(pk=ads.pk).delete()
    assert sorted(scope_tree().by_path) == ["acme", "acme/find", "acme/find/ranker", "acme/unattributed"]


@pytest.mark.django_db(transaction=True)
def test_another_currency_is_that_of_every_scope_below() -> None:
    acme = create_scope(slug="acme", kind="organisation", actor=SYSTEM, at=AT)
    assert {node.currency for node in scope_tree().by_id.values()} == {"USD"}
    Scope.objects.filter(pk=acme.pk).update(currency="EUR")
    assert {node.currency for node in scope_tree().by_id.values()} == {"EUR"}


Places = dict[int, tuple[int, str]]
PLACES: st.SearchStrategy[Places] = st.dictionaries(
    st.integers(2, 9), st.tuples(st.integers(1, 8), st.sampled_from(["a", "b-c", "b", "b.c", "z"])), max_size=8
)


def rows_of(places: Places, name: str) -> dict[int, dict[str, Any]]:
    """Rows of one organisation: each scope lies below one of a lower number, or else below the organisation."""
    paths = {1: "acme"}
    rows: dict[int, dict[str, Any]] = {}
    for number in (1, *sorted(places)):
        parent, slug = places.get(number, (None, "acme"))
        parent = parent if parent is None or (parent in paths and parent < number) else 1
        paths[number] = "acme" if parent is None else f"{paths[parent]}/{slug}{number % 3}"
        fixed = {"kind": "team", "practice": "finops_for_ai", "environment": "", "criticality": "low", "labels": {}}
        rows[number] = {
            "id": number, "parent_id": parent, "path": paths[number], "name": name, "is_unattributed": number == 2,
            "currency": "USD" if parent is None else "", **fixed,
        }  # fmt: skip
    once = {row["path"]: row for row in reversed(rows.values())}
    held: dict[int, dict[str, Any]] = {}
    for row in sorted(once.values(), key=lambda row: row["id"]):
        if row["parent_id"] is None or row["parent_id"] in held:
            held[row["id"]] = row
    return held


def told(tree: ScopeTree) -> list[Any]:
    return [
        tree.roots, dict(tree.by_id), dict(tree.by_path), tree.version, tree.oldest_open,
        {node: (tree.ancestors(node), tree.descendants(node), tree.rank(node)) for node in tree.by_id},
    ]  # fmt: skip


@given(PLACES, PLACES, st.sampled_from(["", "renamed"]))
def test_a_tree_with_changes_is_the_tree_built_of_all(before: Places, after: Places, name: str) -> None:
    old, new = rows_of(before, ""), rows_of(after, name)
    written = [row for number, row in new.items() if old.get(number) != row]
    tree = tree_with(build_tree(old.values(), None), written, None, oldest_open="7", gone=old.keys() - new.keys())
    assert told(tree) == told(build_tree(new.values(), None, oldest_open="7"))
    assert not changes_currency(tree, new.values())
