from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from budgets.plans.errors import WrongStatus
from budgets.requests.engine.states import OPEN, STEPS, TO_REVIEW, TRANSITIONS, WAITING, Status, Verb, after, is_late

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = AT + timedelta(days=1)
# What each verb does to each status; everything else is refused.
LEADS = {
    ("edit", "draft"): "draft",
    ("confirm", "emergency"): "confirmed",
    ("dispute", "emergency"): "disputed",
    ("submit", "draft"): "submitted",
    ("ask", "submitted"): "questioned",
    ("ask", "questioned"): "questioned",
    ("ask", "answered"): "questioned",
    ("answer", "questioned"): "answered",
    **{("approve", status): "approved" for status in ("submitted", "questioned", "answered")},
    **{("reject", status): "rejected" for status in ("submitted", "questioned", "answered")},
    **{("expire", status): "expired" for status in ("submitted", "questioned", "answered")},
    **{("withdraw", status): "withdrawn" for status in ("draft", "submitted", "questioned", "answered")},
}


@pytest.mark.parametrize("verb", get_args(Verb))
@pytest.mark.parametrize("status", get_args(Status))
def test_a_verb_leads_on_or_is_refused(verb: Verb, status: Status) -> None:
    if (verb, status) in LEADS:
        assert after(verb, status, decide_by=LATER, at=AT) == LEADS[verb, status]
    else:
        with pytest.raises(WrongStatus, match=f"Cannot {verb} the request: it is {status}"):
            after(verb, status, decide_by=LATER, at=AT)


@pytest.mark.parametrize("verb", ["ask", "approve", "reject"])
def test_nothing_is_decided_from_its_deadline_on(verb: Verb) -> None:
    with pytest.raises(WrongStatus, match="waited past its deadline, 2026-11-24 12:00 UTC"):
        after(verb, "submitted", decide_by=AT, at=AT)
    assert after("withdraw", "submitted", decide_by=AT, at=LATER) == "withdrawn"
    assert after("expire", "submitted", decide_by=AT, at=LATER) == "expired"


def test_what_is_over_stays_over_and_waits_no_more() -> None:
    over = set(get_args(Status)) - {*OPEN, *TO_REVIEW}
    assert {source for source, _ in TRANSITIONS} == {*OPEN, *TO_REVIEW}
    assert {step.target for step in STEPS.values()} == {"draft", *WAITING, *over}
    assert [is_late(status, AT, LATER) for status in ("draft", "submitted", "approved")] == [False, True, False]
