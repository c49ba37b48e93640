from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from allocation.billing_periods.operations import PeriodClosed, close_period
from allocation.meters.engine.months import Month
from allocation.shared_cost.models import AllocatedCharge, AllocationRun, SharedPool
from allocation.shared_cost.operations import PeriodNotBegun, WholeOrganisation, record_metrics, run_allocation
from allocation.shared_cost.queries import fully_loaded
from allocation.shared_cost.tasks import split_shared_cost
from governance.organisations.operations import create_api_key
from governance.people.rules import Actor
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, make_organisation
from tests.allocation.sharing import BY_TOKENS, DECEMBER_1, NOVEMBER, SPLIT, apply_split, charges, run, use

D = Decimal


def test_a_platform_teams_cost_is_shared_by_tokens(shared: Scope) -> None:
    made = run(shared)
    assert (made.status, made.supersedes, made.problem) == ("provisional", None, "")
    assert charges(made) == {"acme/ads": (D("0.25"), 10, 1000, ""), "acme/search": (D("0.75"), 30, 3000, "")}
    pool = SharedPool.objects.get()
    assert (pool.own_amount, pool.received_amount, pool.method_id, pool.usage_unit) == (
        40, 0, "platform-team@1", "Tokens",
    )  # fmt: skip
    record = DecisionRecord.objects.get(action="allocation.run")
    assert record.evidence["pools"] == {"platform-team@1": "40.000000000"}


def test_late_data_makes_a_run_that_takes_the_place_of_the_former(shared: Scope) -> None:
    first = run(shared)
    assert run(shared, at=AT + timedelta(hours=1)) == first
    use(shared, "acme/ads", "0", 4000)
    second = run(shared, at=AT + timedelta(hours=2))
    assert (second.supersedes, list(AllocationRun.objects.in_force())) == (first, [second])
    assert charges(first)["acme/ads"][1] == 10
    assert charges(second)["acme/ads"][1] == 25
    # The month is over: the same figures, and no longer provisional.
    final = run(shared, at=DECEMBER_1)
    assert (final.status, final.supersedes, charges(final)) == ("final", second, charges(second))
    assert run(shared, at=DECEMBER_1 + timedelta(days=1)) == final


def test_a_closed_month_keeps_its_final_run(shared: Scope) -> None:
    provisional = run(shared)
    close_period(organisation=shared, month=NOVEMBER.start, reason="Done.", actor=SYSTEM, at=DECEMBER_1)
    final = run(shared, at=DECEMBER_1)
    assert (final.status, final.supersedes) == ("final", provisional)
    late = {"id": "1", "source": "hr", "metric": "seats", "scope": "acme/ads", "on": "2026-11-30", "value": 1}
    refused = record_metrics(values=[late], authority=shared, at=DECEMBER_1).rejected
    assert [(one.code, one.field) for one in refused] == [("period_closed", "on")]
    apply_split(SPLIT.replace(BY_TOKENS, "{how: even}"))
    use(shared, "acme/ads", "5", 500, arrives=DECEMBER_1 + timedelta(hours=1))
    with pytest.raises(PeriodClosed, match="2026-11 is closed"):
        run(shared, at=DECEMBER_1 + timedelta(days=1))
    assert AllocationRun.objects.count() == 2
    # What came late for November is December's.
    december = run(shared, Month(2026, 12), at=DECEMBER_1 + timedelta(days=1))
    assert {path: figures[0] for path, figures in charges(december).items()} == {
        "acme/ads": D("0.5"), "acme/search": D("0.5"),
    }  # fmt: skip
    assert fully_loaded(shared.pk, Month(2026, 12))[Scope.objects.get(path="acme/ads").pk].direct == 5


def test_runs_and_charges_are_never_changed(shared: Scope) -> None:
    made = run(shared)
    for rows in (AllocationRun.objects.all(), SharedPool.objects.all(), AllocatedCharge.objects.all()):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(id=1)
        with pytest.raises(DatabaseError), transaction.atomic():
            rows._raw_delete(rows.db)
    terms = {"organisation": shared, "period_start": made.period_start, "period_end": made.period_end, "made_at": AT}
    with pytest.raises(IntegrityError, match="allocation_run_first_of_its_month"), transaction.atomic():
        AllocationRun.objects.create(status="final", made_by="somebody", digest="0" * 64, **terms)


def test_a_run_that_cannot_be_split_is_kept_with_its_problem_and_changes_nothing(shared: Scope) -> None:
    good = run(shared)
    apply_split(SPLIT.replace("to: tokens", "to: gpu_seconds"))
    failed = run(shared, at=AT + timedelta(hours=1))
    assert (failed.status, failed.supersedes) == ("failed", None)
    assert failed.problem == "platform-team: the quantities to share by sum to zero, and it says when_zero: fail."
    assert list(AllocationRun.objects.in_force()) == [good]
    assert run(shared, at=AT + timedelta(hours=2)) == failed
    apply_split(SPLIT.replace("to: tokens", "to: gpu_seconds").replace("when_zero: fail", "when_zero: even"))
    assert charges(run(shared, at=AT + timedelta(hours=3))) == {
        "acme/ads": (D("0.5"), 20, 0, "when_zero: even"), "acme/search": (D("0.5"), 20, 0, "when_zero: even"),
    }  # fmt: skip


def test_only_who_answers_for_the_whole_organisation_splits_it(shared: Scope) -> None:
    key, _ = create_api_key(scope=Scope.objects.get(path="acme/search"), permissions=["admin"], actor=SYSTEM, at=AT)
    terms = {"organisation": shared, "month": NOVEMBER, "at": AT}
    with pytest.raises(WholeOrganisation):
        run_allocation(actor=Actor.of_key(key), **terms)
    with pytest.raises(PeriodNotBegun):
        run(shared, Month(2026, 12))
    assert AllocationRun.objects.count() == 0


def test_every_night_the_month_and_the_one_before_it(shared: Scope, time_machine: Any) -> None:
    make_organisation("globex")
    use(shared, "acme/search", "1", 10, occurred_at="2026-10-05T00:00:00Z")
    time_machine.move_to(AT, tick=False)
    split_shared_cost()
    split_shared_cost()
    runs = AllocationRun.objects.order_by("period_start").values_list("period_start", "status", "made_by")
    assert [(f"{start:%Y-%m}", status, by) for start, status, by in runs] == [
        ("2026-10", "final", "weir"), ("2026-11", "provisional", "weir"),
    ]  # fmt: skip
