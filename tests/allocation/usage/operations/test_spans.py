"""Spans that were told of before, as the database remembers them."""

from datetime import timedelta
from typing import Any

import pytest

from allocation.corrections.operations import take_back_repeated_calls
from allocation.usage.models import TracedSpan, UsageDay, UsageRecord
from allocation.usage.operations import maintain_partitions
from allocation.usage.operations.spans import forget_spans
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, make_organisation
from tests.allocation.usage.traced import spans_of, tell
from tests.governance.conftest import at_once


@pytest.mark.django_db(transaction=True)
def test_both_spans_of_many_calls_at_once() -> None:
    """Each is told in a request of its own by somebody else, at the same time."""
    acme = make_organisation()

    def send(number: int) -> None:
        for call in range(12) if number % 2 else reversed(range(12)):
            tell(acme.pk, spans_of(call)[number % 2])

    at_once(send, 4)
    take_back_repeated_calls(at=AT)
    assert sum(day.requests for day in UsageDay.objects.all()) == 12
    assert TracedSpan.objects.filter(counts=True).count() == 12


def test_what_is_told_again_was_told_before(acme: Scope) -> None:
    outer, inner = spans_of(1)

    assert [tell(acme.pk, span) for span in (inner, outer, inner, outer)] == [1, 0, 0, 0]
    assert UsageRecord.objects.get().event_id == inner.event_id


def test_what_was_refused_is_no_reason_to_forget_it_later(acme: Scope) -> None:
    outer, inner = spans_of(1)

    assert tell(acme.pk, inner, scope="acme/nowhere") == 0
    assert tell(acme.pk, inner) == 1
    assert tell(acme.pk, outer) == 0


def test_spans_are_forgotten_with_the_month_of_their_record(acme: Scope, settings: Any) -> None:
    old, new = AT - timedelta(days=100), AT
    for call, occurred_at in enumerate((old, new)):
        tell(acme.pk, spans_of(call)[0], occurred_at=occurred_at)
    settings.USAGE_RETENTION_DAYS = 60
    maintain_partitions(at=AT)

    assert list(TracedSpan.objects.values_list("occurred_at", flat=True)) == [new]
    assert forget_spans(before=AT + timedelta(days=1)) == 1
