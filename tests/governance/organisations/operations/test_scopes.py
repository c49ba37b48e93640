import pytest

from governance.errors import DomainError
from governance.messages.models import Channel
from governance.organisations.operations import apply_scope, create_scope, create_user, plan_scope
from governance.people.models import Ownership
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM
from tests.governance.declared_documents import SEARCH, scope


def test_an_organisation_comes_with_its_unattributed_scope_and_its_channel_to_owners(acme: Scope) -> None:
    assert list(Scope.objects.order_by("path").values_list("path", "kind", "currency", "is_unattributed")) == [
        ("acme", "organisation", "USD", False),
        ("acme/unattributed", "business_unit", "", True),
    ]
    assert [str(channel) for channel in Channel.objects.all()] == ["email:owners"]


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


def people(acme: Scope) -> None:
    for email in ("ada@example.com", "fay@example.com"):
        create_user(email=email, persona="engineering", scope=acme, rights=[], actor=SYSTEM, at=AT)


def test_a_scope_is_created_changed_and_left_alone(acme: Scope) -> None:
    people(acme)
    document = scope(SEARCH)
    assert plan_scope(document, at=AT).action == "create"
    assert apply_scope(document, actor=SYSTEM, at=AT).action == "create"
    made = Scope.objects.get(path="acme/search")
    assert (made.name, made.criticality, made.labels) == ("Search", "high", {"cost-centre": "4711"})
    owners = Ownership.objects.filter(scope=made).order_by("user__email")
    assert list(owners.values_list("user__email", "persona", "decision_right")) == [
        ("ada@example.com", "engineering", "acknowledge"), ("fay@example.com", "finance", "approve_budget"),
    ]  # fmt: skip
    records = DecisionRecord.objects.count()
    assert apply_scope(document, actor=SYSTEM, at=AT).action == "unchanged"
    assert DecisionRecord.objects.count() == records
    changed = scope(SEARCH.replace("high", "low").replace("rights: [approve_budget]", "rights: []"))
    assert apply_scope(changed, actor=SYSTEM, at=AT).differences == (
        "criticality: 'high' → 'low'",
        "owner + fay@example.com finance",
        "owner - fay@example.com finance approve_budget",
    )
    assert plan_scope(changed, at=AT).action == "unchanged"


def test_an_owner_nobody_created_is_named_with_the_command_that_does(acme: Scope) -> None:
    with pytest.raises(
        DomainError, match=r"weir users create ada@example\.com --persona engineering --scope acme/search"
    ):
        plan_scope(scope(SEARCH), at=AT)


def test_a_parent_exists_or_comes_earlier(acme: Scope) -> None:
    people(acme)
    orphan = scope(SEARCH.replace("acme/search", "acme/web/search"))
    with pytest.raises(DomainError, match="declare acme/web before it"):
        apply_scope(orphan, actor=SYSTEM, at=AT)
    assert plan_scope(orphan, at=AT, known_paths={"acme/web"}).action == "create"
    assert not Scope.objects.filter(slug="search").exists()


def test_a_deep_tree_is_recorded_and_a_bottomless_one_refused(acme: Scope) -> None:
    scope = acme
    for _ in range(15):
        scope = create_scope(slug="a" * 63, kind="team", parent=scope, actor=SYSTEM, at=AT)
    assert len(scope.path) == 4 + 15 * 64
    with pytest.raises(DomainError) as refused:
        create_scope(slug="a" * 63, kind="team", parent=scope, actor=SYSTEM, at=AT)
    assert refused.value.code == "path_too_long"
