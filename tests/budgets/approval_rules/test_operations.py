import pytest

from budgets.approval_rules.models import ApprovalRules
from budgets.approval_rules.operations import OneDocumentOfRules
from governance.errors import Forbidden, NotFound, RightRequired
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.approval_rules.conftest import apply
from tests.budgets.conftest import person

ONE = {"name": "one", "steps": [{"right": "approve_budget"}]}
TWO = {"name": "two", "scope": "acme/search", "steps": [{"right": "approve_budget", "people": 2}]}


def test_a_changed_document_is_the_next_version_and_is_in_the_chain(search: Scope, finance: Actor) -> None:
    changes = [apply(ONE), apply(ONE), apply(ONE, TWO, actor=finance)]

    assert [change.action for change in changes] == ["create", "unchanged", "update"]
    assert list(ApprovalRules.objects.order_by("version").values_list("version", "is_current", "applied_by")) == [
        (1, False, "weir"), (2, True, "fay@example.com"),
    ]  # fmt: skip
    record = DecisionRecord.objects.filter(action="approval_rules.apply").last()
    assert record is not None
    assert (record.subject, record.evidence["version"]) == ("approval_rules:acme", 2)


def test_an_organisation_has_one_document_and_names_what_is_there(search: Scope) -> None:
    apply(ONE)
    with pytest.raises(OneDocumentOfRules, match="in the document acme: change that one"):
        apply(TWO, name="second")
    with pytest.raises(NotFound, match="no scope acme/nowhere"):
        apply({**TWO, "scope": "acme/nowhere"})
    assert ApprovalRules.objects.count() == 1


def test_rules_are_changed_by_who_may_approve_all_of_the_organisation(acme: Scope, search: Scope) -> None:
    below = person("bo@example.com", search, "finance", "approve_budget")
    informed = person("flo@example.com", acme, "finance", "")
    engineer = person("eve@example.com", acme, "engineering", "approve_budget")
    with pytest.raises(Forbidden):
        apply(ONE, actor=below)
    with pytest.raises(RightRequired):
        apply(ONE, actor=informed)
    with pytest.raises(Forbidden):
        apply(ONE, actor=engineer)
    assert not ApprovalRules.objects.exists()
