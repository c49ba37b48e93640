from datetime import timedelta

import pytest

from governance.scopes.models import Scope
from governance.work.models import DirtyScope, Heartbeat
from governance.work.operations import mark_scopes_dirty
from policies.evaluation.queries.liveness import (
    EVALUATION_HEARTBEAT,
    STALLED_AFTER,
    EvaluationLag,
    evaluation_lag,
)
from tests.policies.conftest import AT

MINUTE = timedelta(minutes=1)


@pytest.fixture
def nothing_waits(db: None) -> None:
    DirtyScope.objects.all().delete()


def test_nothing_waits(nothing_waits: None) -> None:
    lag = evaluation_lag(at=AT)
    assert lag == EvaluationLag(None, None, 0, (), is_stalled=False)
    assert lag.sentence == "No usage waits for evaluation."


@pytest.mark.parametrize(
    ("waited", "evaluated_ago", "stalled"),
    [
        pytest.param(STALLED_AFTER, None, True, id="never evaluated"),
        pytest.param(STALLED_AFTER, STALLED_AFTER, True, id="both for long"),
        pytest.param(STALLED_AFTER, MINUTE, False, id="others are evaluated"),
        pytest.param(MINUTE, None, False, id="not for long yet"),
        pytest.param(MINUTE, STALLED_AFTER, False, id="there was nothing to do"),
    ],
)
def test_it_has_stalled_when_scopes_wait_and_none_is_evaluated(
    acme: Scope, search: Scope, nothing_waits: None, waited: timedelta, evaluated_ago: timedelta | None, stalled: bool
) -> None:
    mark_scopes_dirty(scope_ids=[search.pk], at=AT - waited)
    mark_scopes_dirty(scope_ids=[acme.pk], at=AT)
    last = None if evaluated_ago is None else AT - evaluated_ago
    if last is not None:
        Heartbeat.objects.create(name=EVALUATION_HEARTBEAT, beat_at=last)
    lag = evaluation_lag(at=AT)
    assert lag == EvaluationLag(AT - waited, last, 2, (acme.pk,), is_stalled=stalled)
    assert lag.sentence.startswith(f"2 scope(s) wait for evaluation since {AT - waited:%Y-%m-%d %H:%M:%S} UTC")
    assert lag.sentence.endswith("; evaluation has stalled." if stalled else " UTC.")
