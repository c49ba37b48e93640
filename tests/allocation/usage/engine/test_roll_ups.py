from datetime import date
from decimal import Decimal

from allocation.usage.engine.call_prices import FAILED, NO_PRICE, Priced
from allocation.usage.engine.counted import counted
from allocation.usage.engine.roll_ups import (
    Key,
    Sums,
    UsagePosting,
    coarser,
    day_of,
    postings,
    postings_of,
)
from tests.allocation.usage.costed import NOON_S, costed
from tests.allocation.usage.counted_sums import by_minute, by_price

NOON = int(NOON_S)
HOUR_S, DAY_S = 3600, 86_400
MIDNIGHT = NOON - 12 * HOUR_S
DAY = date(2026, 11, 24)


def key(start: int = NOON, scope_id: int = 7) -> Key:
    return Key(start, scope_id, "openai", "gpt-4o", "inference")


def test_a_day_is_summed_once_for_each_price() -> None:
    records = [
        costed(1, after_s=59.5),
        costed(2, after_s=3),
        costed(3, price=Priced("pricebook:a", "1", 500), tokens={"input": 10, "cached_input": 4, "output": 5}),
        costed(4, status="error", price=FAILED, tokens={}),
        costed(5, price=NO_PRICE, requests=3),
    ]
    priced_sums = by_price([counted(records)]).values()
    assert [(key.start, priced.source, sums.requests, sums.cost_nanos) for key, priced, sums in priced_sums] == [
        (MIDNIGHT, "provider", 2, 2000), (MIDNIGHT, "pricebook:a", 1, 500), (MIDNIGHT, "none", 3, 0),
    ], "a failed call has no price"  # fmt: skip
    assert by_minute([counted(records)]) == {
        key(): Sums(
            requests=7, errors=1, unpriced_requests=3, input_tokens=3010, cached_input_tokens=4, output_tokens=305,
            cost_nanos=2500, unpriced_tokens=1100, last_s=NOON_S + 59.5,
        )
    }  # fmt: skip


def test_what_differs_in_any_part_of_the_key_is_summed_apart() -> None:
    records = [
        costed(1), costed(2, scope_id=8), costed(3, provider="azure"), costed(4, model="gpt-mini"),
        costed(5, operation="embeddings"), costed(6, after_s=60), costed(7, after_s=-0.5),
    ]  # fmt: skip
    assert by_minute([counted(records)]).keys() == {
        key(), key(scope_id=8), Key(NOON, 7, "azure", "gpt-4o", "inference"),
        Key(NOON, 7, "openai", "gpt-mini", "inference"), Key(NOON, 7, "openai", "gpt-4o", "retrieval"),
        key(NOON + 60), key(NOON - 60),
    }  # fmt: skip


def test_a_record_counts_where_it_is_booked_and_was_used_when_it_was_used() -> None:
    found = by_minute([counted([costed(after_s=-90 * DAY_S, booked_after_s=0)])])
    assert found == {key(): Sums(requests=1, input_tokens=1000, output_tokens=100, cost_nanos=1000,
                                 last_s=NOON_S - 90 * DAY_S)}  # fmt: skip


def test_rare_meters_are_summed_by_name() -> None:
    rare = [{"audio_input": 5, "image": Decimal("0.5")}, {"audio_input": 2}]
    records = [costed(n, price=Priced("provider", "", 1, rare=each)) for n, each in enumerate(rare)]
    [(_, _, sums)] = by_price([counted(records)]).values()
    assert sums.rare == {"audio_input": 7, "image": Decimal("0.5")}


def test_longer_buckets_hold_the_same_sums() -> None:
    minutes = {
        key(NOON): Sums(requests=1, cost_nanos=10, last_s=NOON_S),
        key(NOON + 3540): Sums(requests=2, cost_nanos=-4, last_s=NOON_S + 3550),
        key(NOON + 3600): Sums(requests=4, last_s=NOON_S + 3600),
    }
    hours = coarser(minutes, HOUR_S)
    assert hours == {
        key(NOON): Sums(requests=3, cost_nanos=6, last_s=NOON_S + 3550),
        key(NOON + 3600): Sums(requests=4, last_s=NOON_S + 3600),
    }
    midnight = NOON - 12 * HOUR_S
    assert coarser(hours, DAY_S) == coarser(minutes, DAY_S) == {
        key(midnight): Sums(requests=7, cost_nanos=6, last_s=NOON_S + 3600)
    }  # fmt: skip


def test_the_ledger_is_told_of_scopes_and_days_in_their_order() -> None:
    midnight = NOON - 12 * HOUR_S
    days = {
        key(midnight, scope_id=9): Sums(requests=1),
        key(midnight): Sums(requests=1, input_tokens=5, output_tokens=2, cost_nanos=1500, gpu_seconds=Decimal(3)),
        Key(midnight, 7, "azure", "gpt-4o", "retrieval"): Sums(requests=2, input_tokens=1, cost_nanos=-500),
        key(midnight + DAY_S): Sums(requests=4),
    }
    nothing = Decimal(0)
    assert postings(days) == [
        UsagePosting(7, DAY, Decimal("0.000001"), 8, 3, Decimal(3)),
        UsagePosting(7, date(2026, 11, 25), nothing, 0, 4, nothing),
        UsagePosting(9, DAY, nothing, 0, 1, nothing),
    ]


def test_the_records_of_a_batch_are_posted_as_their_sums_are() -> None:
    records = [
        costed(1), costed(2, after_s=-DAY_S), costed(3, scope_id=5, price=FAILED, status="error"),
        costed(4, gpu_seconds=Decimal("1.5"), model="llama"), costed(5, after_s=-90 * DAY_S, booked_after_s=3),
    ]  # fmt: skip
    batch = counted(records)
    assert postings_of(batch) == postings(coarser(by_minute([batch]), DAY_S))
    assert len(postings_of(batch)) == 3


def test_a_day_is_the_utc_day() -> None:
    assert [day_of(s) for s in (0, DAY_S - 0.5, DAY_S, -0.5)] == [
        date(1970, 1, 1), date(1970, 1, 1), date(1970, 1, 2), date(1969, 12, 31),
    ]  # fmt: skip


def test_what_has_no_price_is_counted_beside_the_cost() -> None:
    records = [
        costed(1, price=Priced("pricebook:a", "1", 700, unpriced_meters=("image",)), requests=2),
        costed(2, price=Priced("pricebook:a", "1", 50, unpriced_meters=("input", "output"), unpriced_tokens=1100)),
        costed(3, price=Priced("pricebook:a", "1", 4, unpriced_meters=("output",), unpriced_tokens=100)),
        costed(4, price=Priced("provider", "", 300), tokens={}),
        costed(5, price=NO_PRICE),
        costed(6, price=FAILED, status="error"),
    ]
    [sums] = by_minute([counted(records)]).values()
    assert sums == Sums(
        requests=7, errors=1, unpriced_requests=1, partly_unpriced_requests=4, input_tokens=5000, output_tokens=500,
        unpriced_tokens=2300, cost_nanos=1054, tokenless_nanos=350, last_s=NOON_S,
    )  # fmt: skip
