"""Whatever the order and the batches in which usage arrives, what is counted is the same."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocation.meters.documents import UsageEvent
from allocation.usage.models import (
    Task,
    TaskDay,
    UsageCharge,
    UsageDay,
    UsageHour,
    UsageMinute,
    UsageRecord,
    UsageScopeDay,
)
from allocation.usage.operations import fold_waiting, record_usage, settle
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, event, stored_sums
from tests.allocation.usage.scope_days import scope_days

pytestmark = pytest.mark.long

MODELS = (("openai", "gpt-4o"), ("openai", "o3"), ("anthropic", "claude-sonnet-4-5"), ("house", "llama"))


@st.composite
def events(draw: st.DrawFn) -> list[UsageEvent]:
    made = []
    for number in range(draw(st.integers(1, 12))):
        provider, model = draw(st.sampled_from(MODELS))
        whole, out = draw(st.integers(0, 250_000)), draw(st.integers(0, 9_000))
        cached = draw(st.integers(0, whole))
        made.append(
            event(
                id=f"e{number}",
                occurred_at=AT - timedelta(minutes=draw(st.integers(0, 3 * 24 * 60))),
                scope=draw(st.sampled_from(["acme/search", "acme/search/ranker", "acme/ads"])),
                provider=provider,
                model=model,
                operation=draw(st.sampled_from(["chat", "execute_tool", "embeddings", "nobody knows"])),
                service_tier=draw(st.sampled_from(["standard", "batch"])),
                status=draw(st.sampled_from(["success", "success", "success", "error"])),
                tokens={
                    "input": whole,
                    "cached_input": cached,
                    "cache_write": draw(st.integers(0, whole - cached)),
                    "output": out,
                    "reasoning": draw(st.integers(0, out)),
                },
                requests=draw(st.integers(1, 3)),
                task_id=draw(st.sampled_from(["", "t1", "t2"])),
                **draw(st.sampled_from([{}, {}, {"cost": Decimal("0.123456789")}, {"gpu_seconds": Decimal("7.5")}])),
            )
        )
    return made


def counted() -> list[Any]:
    """All that the batches were added to. Cost of a charge line is by everything but the meter: how the last place of
    a batch falls on its meters depends on what is in it.
    """
    by_line = UsageCharge.objects.values_list("scope_id", "day", "model", "meter", "contracted_unit_price")
    by_price = UsageCharge.objects.values_list("scope_id", "day", "model", "activity", "service_tier", "price_source")
    return [
        stored_sums(),
        scope_days(),
        sorted(by_line.annotate(Sum("quantity")).order_by(), key=str),
        sorted(by_price.annotate(Sum("effective_cost")).order_by(), key=str),
        sorted(tuple(row.values()) for row in Task.objects.values(*TASK_FIELDS)),
        sorted(tuple(row.values()) for row in TaskDay.objects.values(*DAY_FIELDS)),
    ]


TASK_FIELDS = (
    "task_id", "scope_id", "began_on", "first_occurred_at", "first_record_id", "first_call_tokens", "last_occurred_at",
    "requests", "errors", "tokens", "cost",
)  # fmt: skip


DAY_FIELDS = ("scope_id", "day", "tasks", "first_call_tokens", "requests", "errors", "tokens", "cost")


COUNTED = (UsageRecord, UsageMinute, UsageHour, UsageDay, UsageScopeDay, UsageCharge, Task, TaskDay)


class Undone(Exception):
    """Ends a transaction, so that the next order starts from nothing."""


def after(act: Callable[[], None]) -> list[Any]:
    found: list[Any] = []
    try:
        with transaction.atomic():
            act()
            found = counted()
            raise Undone  # noqa: TRY301  # the way out of atomic()
    except Undone:
        return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=events(), seed=st.integers(0, 2**32), size=st.integers(1, 12))
def test_order_of_arrival_batches_and_repeats_do_not_matter(
    acme: Scope, sent: list[UsageEvent], seed: int, size: int
) -> None:
    def at_once() -> None:
        record_usage(events=sent, key_scope_id=acme.pk, at=AT)

    def in_pieces() -> None:
        chance = Random(seed)  # the seed is the test's
        shuffled = [*sent, *chance.sample(sent, chance.randint(0, len(sent)))]
        chance.shuffle(shuffled)
        for start in range(0, len(shuffled), size):
            record_usage(events=shuffled[start : start + size], key_scope_id=acme.pk, at=AT)

    whole = after(at_once)
    assert after(in_pieces) == whole
    assert all(model.objects.count() == 0 for model in COUNTED)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=events(), seed=st.integers(0, 2**32), size=st.integers(1, 5))
def test_when_and_in_which_portions_usage_is_folded_does_not_matter(
    acme: Scope, sent: list[UsageEvent], seed: int, size: int
) -> None:
    def at_once() -> None:
        record_usage(events=sent, key_scope_id=acme.pk, at=AT)

    def later() -> None:
        chance = Random(seed)  # the seed is the test's
        shuffled = [*sent, *chance.sample(sent, chance.randint(0, len(sent)))]
        chance.shuffle(shuffled)
        for start in range(0, len(shuffled), size):
            folded = chance.random() < 0.2
            record_usage(events=shuffled[start : start + size], key_scope_id=acme.pk, at=AT, folded=folded)
            if chance.random() < 0.3:
                fold_waiting(at=AT, calls_max=chance.randint(1, 6))
        settle(at=AT)

    assert after(later) == after(at_once)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=events())
def test_charges_sum_to_the_days_and_tasks_to_their_calls(acme: Scope, sent: list[UsageEvent]) -> None:
    key = ("scope_id", "provider", "model", "activity")

    def compare() -> None:
        record_usage(events=sent, key_scope_id=acme.pk, at=AT)
        charged = {
            (*row[:4], row[4]): row[5]
            for row in UsageCharge.objects.values_list(*key, "day").annotate(Sum("effective_cost")).order_by()
        }
        for row in UsageDay.objects.values_list(*key, "bucket", "cost"):
            assert charged.get((*row[:4], row[4].date()), Decimal(0)) == row[5]
        of_tasks = UsageRecord.objects.exclude(task_id="").aggregate(Sum("cost"))["cost__sum"] or Decimal(0)
        for model in (Task, TaskDay):
            assert (model.objects.aggregate(Sum("cost"))["cost__sum"] or Decimal(0)) == of_tasks
        assert (TaskDay.objects.aggregate(Sum("tasks"))["tasks__sum"] or 0) == Task.objects.count()

    after(compare)


def test_gpu_hours_do_not_depend_on_what_came_together(acme: Scope) -> None:
    """7.5 s are no exact decimal of an hour: each record's are rounded, 0.002083333, and summed."""

    def used(*numbers: int) -> list[UsageEvent]:
        return [
            event(id=f"e{number}", scope="acme/search", model="llama", tokens={}, gpu_seconds=Decimal("7.5"))
            for number in numbers
        ]

    def together() -> None:
        record_usage(events=used(1, 2), key_scope_id=acme.pk, at=AT)

    def apart() -> None:
        record_usage(events=used(1), key_scope_id=acme.pk, at=AT)
        record_usage(events=used(2), key_scope_id=acme.pk, at=AT)

    assert after(together) == after(apart)
