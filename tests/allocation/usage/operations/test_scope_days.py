from datetime import timedelta
from decimal import Decimal
from importlib import import_module

from django.db import connection

from allocation.usage.models import UsageDay, UsageScopeDay
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event
from tests.allocation.corrections.corrected_prices import BOOK, rerate
from tests.allocation.prices.operations.test_price_books import apply_book
from tests.allocation.usage.scope_days import scope_days


def test_models_are_summed_activities_and_days_are_not(acme: Scope) -> None:
    sent = [
        event(id="a", cost="1.25"),
        event(
            id="b", model="o3", provider="house", cost="0.5", tokens={"input": 700, "cached_input": 200, "output": 30}
        ),
        event(id="c", operation="embeddings", cost="0.125"),
        event(id="d", status="error"),
        event(id="e", model="nobody-prices-this", tokens={"input": 11, "output": 4}),
        event(id="f", occurred_at=AT - timedelta(days=1), cost="3", gpu_seconds=Decimal("7.5")),
    ]
    for each in sent:
        record_usage(events=[each], key_scope_id=acme.pk, at=AT)

    assert len(scope_days()) == 3
    today = UsageScopeDay.objects.get(activity="inference", bucket__date=AT.date())
    assert (today.cost, today.requests, today.errors, today.unpriced_requests, today.unpriced_tokens) == (
        Decimal("1.75"), 4, 1, 1, 15,
    )  # fmt: skip
    assert UsageDay.objects.filter(activity="inference", bucket__date=AT.date()).count() == 3


def test_corrected_prices_correct_the_days_of_scopes(acme: Scope) -> None:
    record_usage(events=[event(id="a"), event(id="b", scope="acme/ads")], key_scope_id=acme.pk, at=AT)
    before = scope_days()
    apply_book(BOOK.format(price="3"))
    assert rerate(acme).corrected == 2
    assert scope_days() != before


def test_what_was_counted_before_is_taken_over(acme: Scope) -> None:
    record_usage(
        events=[event(id="a"), event(id="b", model="o3"), event(id="c", gpu_seconds=Decimal(60))],
        key_scope_id=acme.pk, at=AT,
    )  # fmt: skip
    wanted = scope_days()
    UsageScopeDay.objects.all().delete()
    with connection.cursor() as cursor:
        for statement in import_module("allocation.migrations.0033_scope_days").TAKE_OVER.split(";")[1:-1]:
            cursor.execute(statement)
    assert scope_days() == wanted
