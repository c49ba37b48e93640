import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum

from allocation.usage.models import SummedMonth, UsageCallMonth, UsageCharge, UsageChargeMonth
from allocation.usage.operations import months, record_usage, sum_months
from config import apart
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event
from tests.governance.conftest import at_once

AUGUST, SEPTEMBER, OCTOBER = date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1)


def use(acme: Scope, **changes: Any) -> None:
    events = [event(occurred_at=datetime(2026, number, 9, tzinfo=UTC), **changes) for number in (8, 9, 10, 11)]
    record_usage(events=events, key_scope_id=acme.pk, at=AT)


def test_a_month_is_summed_a_day_after_its_end(acme: Scope, search: Scope) -> None:
    assert sum_months(at=AT) == []
    use(acme)
    assert sum_months(at=datetime(2026, 9, 1, 23, tzinfo=UTC)) == []
    assert sum_months(at=datetime(2026, 9, 2, tzinfo=UTC)) == [AUGUST]
    assert sum_months(at=AT) == [SEPTEMBER, OCTOBER]
    assert sum_months(at=AT) == []


def test_a_month_has_the_sums_of_its_lines_and_calls(acme: Scope, search: Scope) -> None:
    for changes in ({}, {"model": "nobody-knows"}, {"status": "error"}, {"cost": Decimal("0.5"), "model": "house"}):
        use(acme, **changes)
    sum_months(at=AT)
    columns = ("scope", "provider", "model", "meter", "price_source")
    amounts = {"quantity": Sum("quantity"), "cost": Sum("effective_cost")}
    lines = UsageCharge.objects.filter(day__gte=SEPTEMBER, day__lt=OCTOBER).values(*columns).annotate(**amounts)
    sums = UsageChargeMonth.objects.filter(month=SEPTEMBER).values(*columns).annotate(**amounts)
    assert sorted(sums.order_by(), key=str) == sorted(lines.order_by(), key=str)
    calls = UsageCallMonth.objects.filter(month=SEPTEMBER).values_list("model", "requests", "unpriced_requests")
    assert sorted(calls) == [("gpt-4o", 1, 0), ("house", 1, 0), ("nobody-knows", 1, 1)]
    assert set(UsageChargeMonth.objects.filter(month=SEPTEMBER).values_list("model", "has_price", "has_cost")) == {
        ("gpt-4o", True, True), ("nobody-knows", False, False), ("house", False, True), ("house", False, False),
    }  # fmt: skip


def test_whoever_adds_to_a_line_takes_its_month_away(acme: Scope, search: Scope) -> None:
    use(acme)
    sum_months(at=AT)
    late = event(occurred_at=datetime(2026, 9, 30, 23, 59, tzinfo=UTC))
    record_usage(events=[late], key_scope_id=acme.pk, at=AT)
    assert list(SummedMonth.objects.values_list("month", flat=True)) == [AUGUST, OCTOBER]
    assert sum_months(at=AT) == [SEPTEMBER]
    assert UsageCallMonth.objects.get(month=SEPTEMBER).requests == 2


@pytest.mark.django_db(transaction=True)
def test_months_are_summed_when_nobody_adds_to_lines(
    acme: Scope, search: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(months, "TRIES", 1)
    adding, is_over = threading.Event(), threading.Event()
    use(acme)

    def work(number: int) -> object:
        if number:
            adding.wait(60)
            summed = sum_months(at=AT)
            is_over.set()
            return summed
        with transaction.atomic():
            use(acme)
            adding.set()
            is_over.wait(60)
        return None

    assert at_once(work, 2)[1] == []
    assert list(apart.faults()) == [
        "Charges cannot be summed for the months 2026-08, 2026-09, 2026-10: see the log; all others go on."
    ]
    assert sum_months(at=AT) == [AUGUST, SEPTEMBER, OCTOBER]
    assert list(apart.faults()) == []
