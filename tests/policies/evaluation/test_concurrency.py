"""Two evaluators at once. Real transactions, so the tables are emptied afterwards."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from governance.messages.models import Delivery
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from governance.work.models import DirtyScope
from governance.work.operations import mark_scopes_dirty
from policies.alerts.models import Alert
from policies.constraints.models import Constraint
from policies.evaluation import operations
from tests.policies.conftest import AT, MONTHLY_BUDGET, Apply, Spend

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: object) -> None:
    barrier = Barrier(len(calls))

    def run(call: object) -> None:
        try:
            barrier.wait()
            call()  # type: ignore[operator]  # any callable
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        for outcome in [pool.submit(run, call) for call in calls]:
            outcome.result(30)


def evaluate_all() -> None:
    while operations.evaluate_next_dirty_scopes(at=AT):
        pass


@pytest.mark.parametrize("findings_in_a_portion", [1, 500])
@pytest.mark.usefixtures("finops_channel", "budget")
def test_evaluators_at_once_raise_one_alert_and_one_delivery_for_each_address(
    apply: Apply, spend: Spend, search: Scope, acme: Scope, findings_in_a_portion: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policies.evaluation.operations.portions.WRITE_FINDINGS_MAX", findings_in_a_portion)
    apply()
    apply(MONTHLY_BUDGET.replace("[team]", "[organisation]").replace("monthly-budget", "whole"))
    spend("acme/search", "104.00")

    def sweep() -> None:
        operations.sweep(at=AT)

    at_once(evaluate_all, sweep, evaluate_all, sweep)
    mark_scopes_dirty(scope_ids=[search.pk, acme.pk], at=AT)
    at_once(evaluate_all, evaluate_all, sweep)
    assert (Alert.objects.count(), Constraint.objects.count(), DirtyScope.objects.count()) == (1, 1, 0)
    assert sorted(Delivery.objects.values_list("message__title", flat=True)) == [
        "monthly-budget: block on acme/search",
        "monthly-budget: block on acme/search",
        "monthly-budget: block on acme/search",
    ]
    assert DecisionRecord.objects.filter(action="constraint.impose").count() == 1
