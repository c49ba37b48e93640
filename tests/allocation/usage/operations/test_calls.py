"""The statement that sums counted calls says what summing them one by one says."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocation.usage.engine.call_prices import DAY_S, FAILED, HOUR_S, NO_PRICE, Priced
from allocation.usage.engine.counted import Counted, CountedCall, counted
from allocation.usage.engine.roll_ups import MINUTE_S, coarser
from allocation.usage.models import UsageDay, UsageHour, UsageMinute, UsageScopeDay
from allocation.usage.operations.calls import roll_up_calls
from allocation.usage.operations.roll_ups import roll_up
from governance.scopes.models import Scope
from tests.allocation.conftest import AT
from tests.allocation.usage.costed import NOON_S, costed
from tests.allocation.usage.counted_sums import by_minute


def every_row() -> list[Any]:
    """Of the four roll-ups, every column but the rows' own numbers."""
    return [
        sorted(tuple(value for name, value in row.items() if name != "id") for row in model.objects.values())
        for model in (UsageMinute, UsageHour, UsageDay, UsageScopeDay)
    ]


def rolled_up(batches: Sequence[Counted], *, by_statement: bool) -> list[Any]:
    """What roll-ups hold after the batches; nothing is kept."""
    with transaction.atomic():
        if by_statement:
            roll_up_calls(batches, AT)
        else:
            roll_up(by_minute(batches), AT)
        rows = every_row()
        transaction.set_rollback(True)
    return rows


@st.composite
def batches_of(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    call = st.fixed_dictionaries(
        {
            "which": st.integers(0, 1),
            "at_s": st.floats(NOON_S - 2 * DAY_S, NOON_S).map(lambda at_s: round(at_s, 6)),
            "model": st.sampled_from(["gpt-4o", 'modèle, "quoted" {}', "NULL", "a\\b"]),
            "activity": st.sampled_from(["inference", "retrieval"]),
            "failed": st.booleans(),
            "requests": st.integers(0, 3),
            "input_tokens": st.integers(0, 10**12),
            "cached_input_tokens": st.integers(0, 5),
            "cache_write_tokens": st.integers(0, 5),
            "output_tokens": st.integers(0, 10**6),
            "reasoning_tokens": st.integers(0, 5),
            "cost_nanos": st.none() | st.integers(-(10**20), 10**20),
            "unpriced": st.sampled_from(["nothing", "part", "all"]),
            "gpu_seconds": st.none() | st.decimals(0, 10**6, places=6),
        }
    )
    return draw(st.lists(st.lists(call, max_size=6), min_size=1, max_size=3))


def call_of(scopes: Sequence[Scope], given_call: dict[str, Any]) -> CountedCall:
    given_call = dict(given_call)
    scope, at_s, unpriced = scopes[given_call.pop("which")], given_call.pop("at_s"), given_call.pop("unpriced")
    tokens = given_call["input_tokens"] + given_call["output_tokens"]
    without_price = {"nothing": 0, "part": tokens // 2, "all": tokens}[unpriced]
    return CountedCall(
        root_id=1, scope_id=scope.pk, record_id="0" * 32, task_id="", at_s=at_s, booked_s=at_s, provider="openai",
        service_tier="", price_source="", price_version="", card=-1, price_tier=0,
        partly_unpriced=unpriced != "nothing", unpriced_tokens=without_price, **given_call,
    )  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=batches_of())
def test_summed_by_the_statement_as_one_by_one(acme: Scope, search: Scope, sent: list[list[dict[str, Any]]]) -> None:
    batches = [
        Counted(received_s, [], [call_of([acme, search], each) for each in calls], [])
        for received_s, calls in zip((NOON_S + 1, NOON_S + 3, NOON_S + 2), sent, strict=False)
    ]
    assert rolled_up(batches, by_statement=True) == rolled_up(batches, by_statement=False)


def test_what_is_there_gains_what_comes(acme: Scope, search: Scope) -> None:
    first, second = (
        counted([costed(n, scope_id=search.pk, after_s=n * 40) for n in numbers], received_s=NOON_S + numbers[0])
        for numbers in ((1, 2), (3, 4, 90))
    )
    roll_up_calls([first], AT)
    roll_up_calls([second], AT)
    both = by_minute([first, second])
    found = [
        {
            int(row.bucket.timestamp()): (row.requests, row.cost, row.last_received_at.timestamp())
            for row in model.objects.all()
        }
        for model in (UsageMinute, UsageHour, UsageDay)
    ]
    assert found == [
        {
            key.start: (sums.requests, Decimal(sums.cost_nanos).scaleb(-9), sums.received_s)
            for key, sums in coarser(both, seconds).items()
        }
        for seconds in (MINUTE_S, HOUR_S, DAY_S)
    ]


def test_what_has_no_price_is_counted_beside_the_cost(acme: Scope, search: Scope) -> None:
    records = [
        costed(1, scope_id=search.pk, price=Priced("pricebook:a", "1", 700, unpriced_meters=("image",)), requests=2),
        costed(2, scope_id=search.pk,
               price=Priced("pricebook:a", "1", 50, unpriced_meters=("input", "output"), unpriced_tokens=1100)),
        costed(3, scope_id=search.pk, price=Priced("pricebook:a", "1", 4, unpriced_meters=("output",),
                                                   unpriced_tokens=100)),
        costed(4, scope_id=search.pk, price=Priced("provider", "", 300), tokens={}),
        costed(5, scope_id=search.pk, price=NO_PRICE),
        costed(6, scope_id=search.pk, price=FAILED, status="error"),
    ]  # fmt: skip
    roll_up_calls([counted(records)], AT)
    day = UsageDay.objects.get()
    assert (day.requests, day.errors, day.unpriced_requests, day.partly_unpriced_requests) == (7, 1, 1, 4)
    assert (day.unpriced_tokens, day.cost, day.tokenless_cost) == (2300, Decimal("0.000001054"), Decimal("0.00000035"))
    assert (day.last_occurred_at, day.last_received_at) == (datetime.fromtimestamp(NOON_S, UTC), AT)


def test_a_sum_that_no_column_holds_is_refused(acme: Scope, search: Scope) -> None:
    batch = counted([costed(n, scope_id=search.pk) for n in range(3)])
    for call in batch.calls:
        call.requests = 2**62
    with pytest.raises(DataError), transaction.atomic():
        roll_up_calls([batch], AT)
    assert every_row() == [[], [], [], []]


def test_one_statement_writes_the_four(acme: Scope, search: Scope) -> None:
    batch = counted([costed(n, scope_id=search.pk) for n in range(50)])
    statements: list[str] = []
    with connection.execute_wrapper(
        lambda execute, sql, parameters, many, context: (
            statements.append(sql),
            execute(sql, parameters, many, context),
        )[1]
    ):
        roll_up_calls([batch, batch], AT)
    assert len(statements) == 1
    assert [len(rows) for rows in every_row()] == [1, 1, 1, 1]
