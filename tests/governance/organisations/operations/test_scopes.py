import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from governance.errors import DomainError, NotFound
from governance.messages.models import Channel
from governance.messages.queries import Destination, destinations
from governance.organisations.operations import create_api_key, create_scope
from governance.people.models import Ownership
from governance.people.rules import Actor
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from tests.governance.conftest import AT, SYSTEM, Person


def test_an_organisation_comes_with_its_unattributed_scope_and_its_channel_to_owners(acme: Scope) -> None:
    assert list(Scope.objects.order_by("path").values_list("path", "kind", "currency", "is_unattributed")) == [
        ("acme", "organisation", "USD", False),
        ("acme/unattributed", "business_unit", "", True),
    ]
    assert [str(channel) for channel in Channel.objects.all()] == ["email:owners"]


def test_the_database_keeps_the_path_when_a_scope_is_renamed_or_moved(
    acme: Scope, search: Scope, ranker: Scope
) -> None:
    ads = create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    Scope.objects.filter(pk=search.pk).update(slug="find")
    assert Scope.objects.get(pk=ranker.pk).path == "acme/find/ranker"
    Scope.objects.filter(pk=acme.pk).update(slug="acme-inc")
    assert Scope.objects.get(pk=ranker.pk).path == "acme-inc/find/ranker"
    Scope.objects.filter(pk=search.pk).update(parent=ads)
    assert Scope.objects.get(pk=ranker.pk).path == "acme-inc/ads/find/ranker"


def test_nobody_can_write_a_path_by_hand(ranker: Scope) -> None:
    Scope.objects.filter(pk=ranker.pk).update(path="globex")
    assert Scope.objects.get(pk=ranker.pk).path == "acme/search/ranker"


def test_a_scope_cannot_lie_below_itself_nor_leave_its_organisation(
    acme: Scope, search: Scope, ranker: Scope, globex: Scope
) -> None:
    for parent in (search, ranker, globex):
        with pytest.raises(IntegrityError), transaction.atomic():
            Scope.objects.filter(pk=search.pk).update(parent=parent)
    assert Scope.objects.get(pk=ranker.pk).path == "acme/search/ranker"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"slug": "Search"}, "slug_invalid"),
        ({"slug": "a/b"}, "slug_invalid"),
        ({"slug": "sea\nrch"}, "slug_invalid"),
        ({"slug": "search\n"}, "slug_invalid"),
        ({"slug": "unattributed"}, "slug_reserved"),
        ({"slug": "x", "kind": "organisation"}, "kind_invalid"),
        ({"slug": "x", "currency": "EUR"}, "currency_not_at_root"),
        ({"slug": "search"}, "scope_exists"),
    ],
)
def test_what_is_no_scope_is_refused(search: Scope, wrong: dict[str, str], code: str) -> None:
    before = Scope.objects.count()
    with pytest.raises(DomainError) as refused:
        create_scope(**{"kind": "team", "parent": search.parent, "actor": SYSTEM, "at": AT, **wrong})
    assert (refused.value.code, Scope.objects.count()) == (code, before)


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


def test_ownership_is_of_exactly_one(search: Scope, person: Person) -> None:
    user, group = person("ada@example.com", search), Group.objects.create(name="finance")
    for holders in ({}, {"user": user, "group": group}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Ownership.objects.create(scope=search, persona="finance", **holders)


def test_owner_leads_to_the_nearest_owners_one_destination_each(
    acme: Scope, search: Scope, ranker: Scope, person: Person
) -> None:
    person("fay@example.com", acme, "finance")
    person("ada@example.com", search)
    person("bob@example.com", search)
    person("gone@example.com", ranker, is_active=False)
    assert [destination.to for destination in destinations("owner", ranker.pk)] == [
        "ada@example.com", "bob@example.com",
    ]  # fmt: skip
    assert [destination.to for destination in destinations("owner", acme.pk)] == ["fay@example.com"]


def test_the_nearest_channel_of_that_name_answers_and_never_another_organisations(
    acme: Scope, search: Scope, ranker: Scope, globex: Scope
) -> None:
    far, near = (
        Channel.objects.create(scope=scope, kind="slack", name="finops", sealed_secrets=b"x")
        for scope in (acme, search)
    )
    assert destinations("slack:finops", ranker.pk) == (Destination(near),)
    assert destinations("slack:finops", acme.pk) == (Destination(far),)
    for address in ("slack:finops", "owner", "pager:finops", "slack", ""):
        with pytest.raises(NotFound):
            destinations(address, globex.pk)
