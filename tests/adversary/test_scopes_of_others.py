"""A scope of somebody else is answered like one that nobody has."""

from __future__ import annotations

from datetime import timedelta

import pytest

from allocation.meters.documents import UsageEvent
from allocation.outcomes.operations import record_outcomes
from allocation.usage.operations import record_usage
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.allocation.outcomes.test_operations import typed
from tests.conftest import AT
from tests.governance.conftest import SYSTEM

pytestmark = pytest.mark.adversary("what is not yours")


@pytest.fixture
def others(search: Scope) -> None:
    globex = create_scope(slug="globex", kind="organisation", actor=SYSTEM, at=AT)
    create_scope(slug="secret", kind="team", parent=globex, actor=SYSTEM, at=AT)
    create_scope(slug="ads", kind="team", parent=search.parent, actor=SYSTEM, at=AT)


def event(scope: str) -> UsageEvent:
    return UsageEvent(
        id="1", source="test", occurred_at=AT - timedelta(hours=1), provider="p", model="m", scope=scope
    )  # fmt: skip


@pytest.mark.parametrize(("theirs", "nobodys"), [("globex/secret", "globex/nobody"), ("acme/ads", "acme/bds")])
def test_usage_for_anothers_scope_and_for_none_is_refused_alike(
    search: Scope, others: None, theirs: str, nobodys: str
) -> None:
    answers = [record_usage(events=[event(path)], key_scope_id=search.pk, at=AT).rejected for path in (theirs, nobodys)]
    assert answers[0] == answers[1]
    assert answers[0][0].code == "scope_unknown"


@pytest.mark.parametrize(("theirs", "nobodys"), [("globex/secret", "globex/nobody"), ("acme/ads", "acme/bds")])
def test_outcomes_for_anothers_scope_and_for_none_are_refused_alike(
    search: Scope, others: None, theirs: str, nobodys: str
) -> None:
    answers = [
        record_outcomes(events=[typed(scope=path)], key_scope_id=search.pk, at=AT).rejected
        for path in (theirs, nobodys)
    ]
    assert answers[0] == answers[1]


def test_an_outcome_of_anothers_task_and_of_none_is_refused_alike(search: Scope, others: None) -> None:
    theirs = event("acme/ads").model_copy(update={"task_id": "t1"})
    record_usage(events=[theirs], key_scope_id=search.parent_id, at=AT)
    answers = [
        record_outcomes(events=[typed(scope=None, task_ids=[task])], key_scope_id=search.pk, at=AT).rejected
        for task in ("t1", "t2")
    ]
    assert answers[0] == answers[1]
