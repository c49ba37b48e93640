"""What counted twice until a better span came is taken back, in one run for each day of an organisation."""

from decimal import Decimal

from allocation.corrections.models import Adjustment, AdjustmentRun
from allocation.corrections.operations import take_back_repeated_calls
from allocation.usage.models import TracedSpan, UsageDay
from governance.calendar.engine import DAY, day_of, midnight
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT
from tests.allocation.usage.traced import spans_of, tell


def twice(acme: Scope, call: int) -> None:
    for span in spans_of(call):
        assert tell(acme.pk, span) == 1


def test_it_is_taken_back_once(acme: Scope) -> None:
    for call in range(3):
        twice(acme, call)

    assert [take_back_repeated_calls(at=AT) for _ in range(2)] == [3, 0]
    run = AdjustmentRun.objects.get()
    day = midnight(day_of(AT))
    assert (run.kind, run.organisation, run.since, run.until) == ("take_back", acme, day, day + DAY)
    assert (run.records, run.cost, run.finished_at) == (3, Decimal("-0.0105"), AT)
    assert [(row.requests, row.cost) for row in Adjustment.objects.all()] == [(-1, Decimal("-0.0035"))] * 3
    assert sum(row.requests for row in UsageDay.objects.all()) == 3


def test_what_comes_later_goes_on_with_the_days_run(acme: Scope) -> None:
    for call in range(2):
        twice(acme, call)
        take_back_repeated_calls(at=AT)

    assert AdjustmentRun.objects.get().records == 2
    assert DecisionRecord.objects.filter(action="usage.take_back").count() == 1


def test_what_left_with_its_month_is_due_no_more(acme: Scope) -> None:
    twice(acme, 1)
    TracedSpan.objects.filter(is_due=True).update(record_id=None)

    assert [take_back_repeated_calls(at=AT) for _ in range(2)] == [1, 0]
    assert AdjustmentRun.objects.count() == 0
