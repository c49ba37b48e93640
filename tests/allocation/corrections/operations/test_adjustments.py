"""Prices corrected after the fact, closed months, and what each meter cost."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from allocation.billing_periods.models import BillingPeriod
from allocation.billing_periods.operations import close_period
from allocation.corrections.models import Adjustment, AdjustmentRun
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event
from tests.allocation.corrections.corrected_prices import BOOK, costs, rerate
from tests.allocation.prices.operations.test_price_books import apply_book


def test_done_again_it_finds_nothing_to_correct(acme: Scope, search: Scope) -> None:
    record_usage(events=[event(), event()], key_scope_id=acme.pk, at=AT)
    apply_book(BOOK.format(price="3"))
    assert rerate(acme).corrected == 2
    again = rerate(acme)
    assert (again.looked_at, again.corrected, again.run.records) == (2, 0, 0)
    assert Adjustment.objects.count() == 2
    assert costs(search) == [Decimal("0.008")] * 5


def test_adjustments_and_periods_are_kept(acme: Scope) -> None:
    record_usage(events=[event()], key_scope_id=acme.pk, at=AT)
    apply_book(BOOK.format(price="3"))
    rerate(acme)
    close_period(organisation=acme, month=date(2026, 10, 1), reason="Books", actor=SYSTEM, at=AT)
    for change in (
        Adjustment.objects.all().delete, AdjustmentRun.objects.all().delete, BillingPeriod.objects.all().delete,
        lambda: Adjustment.objects.update(cost=0), lambda: BillingPeriod.objects.update(end="2027-01-01"),
    ):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
