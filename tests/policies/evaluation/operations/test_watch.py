from datetime import timedelta

import pytest

from policies.evaluation.operations import watch_evaluation
from tests.policies.conftest import Apply, Spend, evaluate
from tests.policies.evaluation.told import LATER, deliveries

pytestmark = pytest.mark.usefixtures("finops_channel", "budget")


def test_evaluation_that_stands_still_is_told_once(apply: Apply, spend: Spend) -> None:
    apply()
    evaluate()
    spend("acme/search", "10.00", at=LATER)
    stalled = LATER + timedelta(minutes=3)
    assert watch_evaluation(at=LATER).is_stalled is False
    assert watch_evaluation(at=stalled).is_stalled is True
    assert watch_evaluation(at=stalled + timedelta(seconds=30)).is_stalled is True
    assert [title for title, _to in deliveries()] == ["Guardrails of acme are not being evaluated"] * 2
    evaluate(stalled)
    assert watch_evaluation(at=stalled).is_stalled is False
