import pytest

from governance.errors import DomainError
from governance.organisations.operations import apply_scope, create_user, plan_scope
from governance.people.models import Ownership
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM
from tests.governance.declared_documents import SEARCH, scope


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


def test_an_organisation_declares_in_which_month_its_year_starts(db: None) -> None:
    text = (
        "apiVersion: weir/v1\nkind: Scope\nmetadata: {name: globex}\nspec: {kind: organisation, fiscal_year_starts: 4}"
    )
    assert apply_scope(scope(text), actor=SYSTEM, at=AT).action == "create"
    assert Scope.objects.get(path="globex").fiscal_year_starts == 4
    assert apply_scope(scope(text.replace(", fiscal_year_starts: 4", "")), actor=SYSTEM, at=AT).action == "unchanged"
    assert apply_scope(scope(text.replace("4", "7")), actor=SYSTEM, at=AT).differences == ("fiscal_year_starts: 4 → 7",)


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
