from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from budgets.ledger.engine.charging import DayUsage, OpenAccount, Rebooking, by_scope, charged_account, rebookings
from budgets.plans.engine.periods import Period

NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
QUARTER = Period(date(2026, 10, 1), date(2027, 1, 1))
ACME, SEARCH, RANKER = 1, 2, 3
LINEAGE = {ACME: (ACME,), SEARCH: (SEARCH, ACME), RANKER: (RANKER, SEARCH, ACME)}
DAY = date(2026, 11, 3)


def test_the_nearest_open_account_at_or_above_carries_the_usage() -> None:
    open_accounts = by_scope([OpenAccount(10, ACME, QUARTER), OpenAccount(11, SEARCH, NOVEMBER)])

    result = [
        charged_account(open_accounts, LINEAGE[RANKER], day) for day in (DAY, date(2026, 12, 1), date(2027, 1, 1))
    ]

    assert [account and account.account_id for account in result] == [11, 10, None]


def test_an_account_that_opens_takes_its_usage_from_the_one_above_and_from_outside() -> None:
    before, opened = (
        [OpenAccount(10, SEARCH, NOVEMBER)],
        [OpenAccount(11, RANKER, NOVEMBER), OpenAccount(12, ACME, NOVEMBER)],
    )
    usage = [DayUsage(scope, DAY, Decimal(scope)) for scope in (ACME, SEARCH, RANKER)]

    result = rebookings(
        before=by_scope(before), after=by_scope(before + opened), usage=usage, lineage=LINEAGE.__getitem__
    )

    assert result == [Rebooking(DAY, None, 12, Decimal(1)), Rebooking(DAY, 10, 11, Decimal(3))]


def test_a_correction_below_zero_moves_the_other_way() -> None:
    usage = [DayUsage(ACME, DAY, Decimal(-2))]

    result = rebookings(
        before={}, after=by_scope([OpenAccount(12, ACME, NOVEMBER)]), usage=usage, lineage=LINEAGE.__getitem__
    )

    assert result == [Rebooking(DAY, 12, None, Decimal(2))]


some_accounts = st.sets(st.sampled_from([OpenAccount(scope * 10, scope, NOVEMBER) for scope in LINEAGE]))
some_usage = st.lists(
    st.builds(
        DayUsage,
        st.sampled_from(sorted(LINEAGE)),
        st.integers(0, 40).map(lambda n: NOVEMBER.start + timedelta(days=n)),
        st.decimals(min_value=-5, max_value=50, places=2),
    )
)


@given(some_accounts, some_accounts, some_usage)
def test_moves_bring_the_ledger_to_where_it_would_be(
    before: set[OpenAccount], after: set[OpenAccount], usage: list[DayUsage]
) -> None:
    def charged(open_accounts: set[OpenAccount]) -> dict[int, Decimal]:
        totals: dict[int, Decimal] = {}
        for item in usage:
            account = charged_account(by_scope(open_accounts), LINEAGE[item.scope_id], item.day)
            if account is not None:
                totals[account.account_id] = totals.get(account.account_id, Decimal(0)) + item.quantity
        return {account: total for account, total in totals.items() if total}

    ledger = charged(before)
    for rebooking in rebookings(
        before=by_scope(before), after=by_scope(after), usage=usage, lineage=LINEAGE.__getitem__
    ):
        assert rebooking.quantity > 0
        for account, change in (
            (rebooking.from_account, -rebooking.quantity),
            (rebooking.to_account, rebooking.quantity),
        ):
            if account is not None:
                ledger[account] = ledger.get(account, Decimal(0)) + change

    assert {account: total for account, total in ledger.items() if total} == charged(after)
