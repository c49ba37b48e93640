from datetime import date
from decimal import Decimal

import pytest

from budgets.plans.errors import FourEyes, WrongStatus
from budgets.requests.models import QuotaRequest
from budgets.requests.operations import approve_request, edit_draft, submit_request
from governance.errors import Invalid, NotFound
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, person
from tests.budgets.requests.conftest import Asks, shown


@pytest.fixture
def draft(search: Scope, approve: Propose, asks: Asks) -> QuotaRequest:
    approve(search, "100")
    return asks(search, "50", submit=False)


def test_what_is_named_changes_and_the_rest_stays(draft: QuotaRequest, developer: Actor) -> None:
    changes = {"amount": Decimal(70), "justification": "The launch triples them.", "outcome_value": None}
    edit_draft(request_id=draft.pk, actor=developer, at=AT, changes=changes)
    stored = QuotaRequest.objects.get(pk=draft.pk)
    assert (stored.amount, stored.justification, stored.outcome_value, stored.expected_outcome, stored.status) == (
        Decimal(70), "The launch triples them.", None, "5,000 tickets resolved", "draft",
    )  # fmt: skip
    record = DecisionRecord.objects.latest("seq")
    assert (record.action, record.evidence["edited"]) == (
        "quota_request.edit", ["amount", "justification", "outcome_value"],
    )  # fmt: skip


def test_another_term_begins_without_the_dates_of_the_one_before(draft: QuotaRequest, developer: Actor) -> None:
    ends = date(2027, 2, 1)
    edit_draft(request_id=draft.pk, actor=developer, at=AT, changes={"term": "dates", "ends_on": ends})
    assert QuotaRequest.objects.get(pk=draft.pk).ends_on == ends
    edit_draft(request_id=draft.pk, actor=developer, at=AT, changes={"amount": Decimal(9)})
    assert QuotaRequest.objects.get(pk=draft.pk).ends_on == ends
    edit_draft(request_id=draft.pk, actor=developer, at=AT, changes={"term": "standing"})
    stored = QuotaRequest.objects.get(pk=draft.pk)
    assert (stored.term, stored.starts_on, stored.ends_on) == ("standing", date(2026, 11, 1), None)
    with pytest.raises(Invalid, match="belongs to a request by `term` `dates`"):
        edit_draft(request_id=draft.pk, actor=developer, at=AT, changes={"ends_on": ends})


def test_who_edits_stands_behind_it_and_nothing_is_edited_once_submitted(
    draft: QuotaRequest, developer: Actor, search: Scope
) -> None:
    globex = create_scope(slug="globex", kind="organisation", actor=SYSTEM, at=AT)
    fin = person("fin@example.com", search, "finance", "approve_budget")
    with pytest.raises(NotFound):
        edit_draft(request_id=draft.pk, actor=person("eve@example.com", globex, "finance", ""), at=AT, changes={})
    edit_draft(request_id=draft.pk, actor=fin, at=AT, changes={"amount": Decimal(60)})
    submit_request(request_id=draft.pk, actor=developer, at=AT)
    with pytest.raises(FourEyes):
        approve_request(request_id=draft.pk, actor=fin, reason="Mine.", expected_digest=shown(draft), at=AT)
    with pytest.raises(WrongStatus, match="Cannot edit the request: it is submitted"):
        edit_draft(request_id=draft.pk, actor=developer, at=AT, changes={"amount": Decimal(1)})
