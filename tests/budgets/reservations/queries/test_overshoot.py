"""What may be used beyond what is recorded, part by part."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from allocation.usage.models import IngestWatermark, UsageMinute
from budgets.reservations.engine.bounds import OvershootBound
from budgets.reservations.operations import expire_reservations, renew_lease, settle
from budgets.reservations.queries.overshoot import LATE_FOR, overshoot_bounds
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of, use
from tests.budgets.reservations.held import held, leased, money, told


def bound(scope: Scope, *, at: datetime = AT, unit: str = "money") -> OvershootBound:
    account_id = account_of(scope, unit).pk
    return overshoot_bounds([account_id], at=at)[account_id]


def parts(scope: Scope, *, at: datetime = AT) -> tuple[Decimal, ...]:
    found = bound(scope, at=at)
    return found.leases, found.holds, found.unsettled, found.unreported


def fed(root: Scope, *, at: datetime = AT) -> None:
    """The organisation's feed delivers."""
    IngestWatermark.objects.update_or_create(scope=root, defaults={"last_received_at": at})


def used_in_a_minute(scope: Scope, cost: str, *, at: datetime = AT) -> None:
    counts = ("requests", "errors", "unpriced_requests", "input_tokens", "cached_input_tokens", "cache_write_tokens")
    UsageMinute.objects.create(
        scope=scope, provider="openai", model="gpt-4o", activity="inference", bucket=at.replace(second=0), cost=cost,
        gpu_seconds=3600, **dict.fromkeys((*counts, "output_tokens", "reasoning_tokens"), 6), last_occurred_at=at,
        last_received_at=at,
    )  # fmt: skip


def test_leases_and_holds_count_as_far_as_they_are_not_recorded_with_those_below(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(acme, "100")
    approve(search, "20")
    assert parts(search) == money("0", "0", "0", "0")
    lease, hold = leased(ranker, "6"), held(search, "3")
    held(ranker, "2", parent=hold)
    held(acme, "5")
    told(lease, "1")
    assert parts(search) == money("5", "3", "0", "0")
    assert parts(acme) == money("5", "8", "0", "0")
    settle(reservation_id=hold.pk, amount=Decimal(4), actor=SYSTEM, at=AT)
    assert parts(search) == money("5", "0", "0", "0")


def test_what_was_drawn_beyond_a_lease_and_what_expired_of_late_is_unsettled(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    lease, hold = leased(search, "4", seconds=3600), held(search, "5", seconds=60)
    renew_lease(
        lease_id=lease.pk, drawn=Decimal(7), capacity=Decimal(1), expires_in=timedelta(hours=3), actor=SYSTEM, at=AT
    )
    assert parts(search) == money("5", "5", "2", "0")
    later = AT + timedelta(minutes=1)
    expire_reservations(at=later)
    assert parts(search, at=later) == money("5", "0", "7", "0")
    told(hold, "2", at=later)
    assert parts(search, at=later) == money("5", "0", "5", "0")
    assert parts(search, at=later + LATE_FOR) == money("5", "0", "2", "0")


def test_a_part_that_expired_before_the_whole_may_have_been_used_twice(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    root = held(search, "6", seconds=120)
    held(search, "6", parent=root, seconds=30)
    minute, end = AT + timedelta(minutes=1), AT + timedelta(minutes=2)
    expire_reservations(at=minute)
    assert parts(search, at=minute) == money("0", "6", "6", "0")
    told(held(search, "6", parent=root, at=minute), "6", at=minute)
    expire_reservations(at=end)
    assert parts(search, at=end) == money("0", "0", "6", "0")


def test_what_was_used_since_the_feed_delivered_is_taken_from_its_last_hour(
    acme: Scope, search: Scope, ranker: Scope, approve: Propose
) -> None:
    approve(acme, "100")
    approve(search, "20")
    approve(search, "20", unit="gpu_hours")
    fed(acme)
    used_in_a_minute(ranker, "6")
    used_in_a_minute(acme, "1")
    used_in_a_minute(search, "50", at=AT - timedelta(minutes=61))
    late = AT + timedelta(minutes=20)
    found = bound(search, at=late)
    assert (found.unreported, found.burn_per_hour, found.data_age_s) == (Decimal(2), Decimal(6), 1200)
    assert bound(acme, at=late).burn_per_hour == Decimal(57) - Decimal(50)
    assert bound(search, at=late, unit="gpu_hours").burn_per_hour == Decimal(1)
    assert bound(search, at=late).total == Decimal(2)


def test_without_a_feed_its_age_is_not_known(search: Scope, approve: Propose) -> None:
    approve(search, "20")
    use(search, "1")
    assert bound(search) == OvershootBound()


def test_many_accounts_take_one_query(
    acme: Scope, search: Scope, approve: Propose, django_assert_num_queries: Any
) -> None:
    approve(acme, "100")
    approve(search, "20")
    accounts = [account_of(acme).pk, account_of(search).pk, None]
    with django_assert_num_queries(1):
        assert sorted(overshoot_bounds(accounts, at=AT)) == sorted(accounts[:2])
    with django_assert_num_queries(0):
        assert overshoot_bounds([None], at=AT) == {}
