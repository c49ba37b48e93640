"""What is counted and has no price is seen wherever the cost is: record, roll-ups, windows, figures."""

from datetime import timedelta
from decimal import Decimal

import pytest

from allocation.corrections.models import Adjustment
from allocation.unit_economics.queries import unit_economics
from allocation.usage.models import UsageDay, UsageRecord
from allocation.usage.operations import record_usage
from allocation.usage.queries import window_totals
from governance.calendar.engine import DAY, day_of
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, Client, event, rolled_up
from tests.allocation.corrections.corrected_prices import costs, rerate
from tests.allocation.prices.operations.test_price_books import apply_book

BOOK = """
apiVersion: weir/v1
kind: PriceBook
metadata: {{name: contract}}
spec:
  organisation: acme
  prices:
    - {{provider: self, model: painter, effective_from: 2026-01-01, input: 1, output: 2{more}}}
    - {{provider: self, model: rented, effective_from: 2026-01-01, gpu_hour: 3}}
"""
PAINTED = {"provider": "self", "model": "painter", "quantities": {"image": 2}}
RENTED = {"provider": "self", "model": "rented", "gpu_seconds": Decimal(600)}


@pytest.fixture
def used(acme: Scope) -> Scope:
    """1,100 tokens priced with two images that are not; GPU time for 0.50 with 1,100 unpriced tokens; an unpriced
    call of 1,100 tokens; a priced one of 1,100 tokens for 0.0035.
    """
    apply_book(BOOK.format(more=""))
    events = [event(**PAINTED), event(**RENTED), event(model="nobody-knows"), event()]
    assert record_usage(events=events, key_scope_id=acme.pk, at=AT).rejected == ()
    return acme


def test_the_record_names_what_is_missing(used: Scope, client_of: Client) -> None:
    stored = dict(UsageRecord.objects.values_list("model", "unpriced_meters"))
    assert stored == {"painter": ["image"], "rented": ["input", "output"], "nobody-knows": [], "gpt-4o": []}
    client = client_of(used)
    answers = [client.get("/api/v1/usage", {"partly_unpriced": flag}).json()["results"] for flag in ("true", "false")]
    assert [sorted(record["model"] for record in records) for records in answers] == [
        ["painter", "rented"], ["gpt-4o", "nobody-knows"],
    ]  # fmt: skip
    [row] = [each for each in client.get("/api/v1/usage/summary").json()["rows"] if each["model"] == "rented"]
    assert (row["partly_unpriced_requests"], row["unpriced_requests"], row["unpriced_tokens"]) == (1, 0, 1100)


@pytest.mark.usefixtures("used")
def test_roll_ups_and_windows_hold_the_same(search: Scope) -> None:
    assert rolled_up()[0] == rolled_up()[1] == rolled_up()[2] == rolled_up()[3]
    [totals] = window_totals(scope_ids=[search.pk], since=AT - timedelta(hours=2), until=AT, at=AT).values()
    assert (totals.requests, totals.unpriced_requests, totals.partly_unpriced_requests) == (4, 1, 2)


def test_a_thousand_tokens_cost_what_the_priced_ones_did(used: Scope) -> None:
    """0.0012 and 0.0035 for 2,200 tokens: neither the unpriced tokens count nor what was paid for GPU time beside."""
    figures = unit_economics(scope_id=used.pk, since=day_of(AT), until=day_of(AT) + DAY)
    ratio = figures.figure("1k_tokens").ratio
    assert (ratio.numerator, ratio.denominator) == (Decimal("0.0047"), Decimal("2.2"))


def test_a_price_for_what_was_missing_completes_the_call(used: Scope, search: Scope) -> None:
    apply_book(BOOK.format(more=", image: 0.04"))
    assert rerate(used).corrected == 1
    day = UsageDay.objects.get(model="painter")
    assert (day.cost, day.partly_unpriced_requests) == (Decimal("0.0812"), 0)
    assert len(set(costs(search))) == 1
    apply_book(BOOK.format(more=", image: 0.04").replace("gpu_hour: 3", "gpu_hour: 3, input: 0, output: 0"))
    assert rerate(used).corrected == 1
    rented = UsageDay.objects.get(model="rented")
    assert (rented.partly_unpriced_requests, rented.unpriced_tokens, rented.tokenless_cost, rented.cost) == (
        0, 0, Decimal(0), Decimal("0.5"),
    )  # fmt: skip
    assert Adjustment.objects.count() == 2
    assert rerate(used).corrected == 0
