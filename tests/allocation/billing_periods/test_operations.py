from datetime import date

import pytest

from allocation.billing_periods.models import BillingPeriod
from allocation.billing_periods.operations import PeriodClosed, PeriodNotOver, close_period
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM


def test_a_month_is_closed_once_and_when_it_is_over(acme: Scope) -> None:
    with pytest.raises(PeriodNotOver):
        close_period(organisation=acme, month=date(2026, 11, 1), reason="Too soon", actor=SYSTEM, at=AT)
    period = close_period(organisation=acme, month=date(2026, 10, 31), reason="Books", actor=SYSTEM, at=AT)
    assert (period.start, period.end) == (date(2026, 10, 1), date(2026, 11, 1))
    for month in (9, 10):
        with pytest.raises(PeriodClosed):
            close_period(organisation=acme, month=date(2026, month, 1), reason="Again", actor=SYSTEM, at=AT)
    assert BillingPeriod.objects.count() == 1
    assert DecisionRecord.objects.filter(action="billing_period.close").count() == 1
