import pytest

from governance.organisations.operations import create_api_key, create_scope
from governance.people.queries import visible_scope_paths
from governance.people.rules import Actor
from governance.scopes.engine import is_at_or_below, lineage_of, nearest, nearest_fitting, outermost
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from tests.governance.conftest import AT, SYSTEM, Person


def test_a_lineage_goes_from_the_organisation_down() -> None:
    assert lineage_of("acme/search/ranker") == ["acme", "acme/search", "acme/search/ranker"]


def test_of_paths_the_outermost_cover_the_others() -> None:
    assert outermost(["acme/search", "acme/search-ads", "acme/search/ranker", "globex/x"]) == (
        "acme/search", "acme/search-ads", "globex/x",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "top", "below"),
    [
        ("acme/search", "acme/search", True),
        ("acme/search/ranker", "acme/search", True),
        ("acme/search/ranker", "acme", True),
        ("acme/search-ads", "acme/search", False),  # begins alike
        ("acme", "acme/search", False),
        ("globex", "acme", False),
    ],
)
def test_a_path_lies_at_or_below_another(path: str, top: str, below: bool) -> None:
    assert is_at_or_below(path, top) is below


def test_the_nearest_that_holds_something_answers() -> None:
    lineage = (3, 2, 1)
    assert [nearest(lineage, held) for held in ({3: "c", 1: "a"}, {2: "b", 1: "a"}, {1: "a"}, {7: "x"}, {})] == [
        "c", "b", "a", None, None,
    ]  # fmt: skip


def test_the_nearest_with_one_that_fits_answers_with_the_first_that_does() -> None:
    held = {3: [10], 2: [25, 20], 1: [30]}
    assert [nearest_fitting((3, 2, 1), held, lambda n, least=least: n >= least) for least in (5, 11, 26, 31)] == [
        10, 25, 30, None,
    ]  # fmt: skip


@pytest.mark.parametrize("top", ["acme", "acme/search", "acme/search/ranker", "acme/search-ads", "globex"])
def test_what_is_seen_is_the_same_in_sql_in_memory_and_by_path(
    top: str, acme: Scope, ranker: Scope, globex: Scope
) -> None:
    create_scope(slug="search-ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    key, _ = create_api_key(scope=Scope.objects.get(path=top), permissions=["scopes:read"], actor=SYSTEM, at=AT)
    actor, tree = Actor.of_key(key), scope_tree()
    paths = sorted(tree.by_path)
    seen = [path for path in paths if is_at_or_below(path, top)]
    assert seen == [path for path in paths if actor.sees(path)]
    assert seen == sorted(Scope.objects.visible_to(actor).values_list("path", flat=True))
    assert seen == sorted(tree.by_id[each].path for each in tree.descendants(tree.by_path[top].id))
    assert seen == [path for path in paths if tree.is_at_or_below(tree.by_path[path].id, tree.by_path[top].id)]
    assert visible_scope_paths(actor) == (top,)


def test_who_sees_everything_sees_every_organisation_in_each_way(acme: Scope, ranker: Scope, globex: Scope) -> None:
    paths = sorted(scope_tree().by_path)
    assert [path for path in paths if SYSTEM.sees(path)] == paths
    assert sorted(Scope.objects.visible_to(SYSTEM).values_list("path", flat=True)) == paths
    assert visible_scope_paths(SYSTEM) == ("acme", "globex")


def test_an_owner_of_nothing_sees_nothing_in_each_way(acme: Scope, person: Person) -> None:
    user = person("ada@example.com", acme)
    user.is_active = False
    actor = Actor.of_user(user)
    assert (actor.sees("acme"), list(Scope.objects.visible_to(actor)), visible_scope_paths(actor)) == (False, [], ())
