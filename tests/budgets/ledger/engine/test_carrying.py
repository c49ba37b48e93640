"""What goes on into the next period: totals are right after every run, and money is in one place."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgets.ledger.engine.carrying import Carried, Carrying, CarryTerms, Closing, carry
from budgets.ledger.engine.funding import Balance, Entry

SOURCE, UPPER, UPPER_NEXT, LOWER, LOWER_NEXT = 1, 2, 3, 4, 5
UNSPENT, OVERSPEND = CarryTerms(unspent=True), CarryTerms(overspend=True)
BOTH = CarryTerms(unspent=True, overspend=True)


def money(funded: int, granted_out: int = 0, spent: int = 0, held: int = 0) -> Balance:
    return Balance(Decimal(funded), Decimal(granted_out), Decimal(spent), Decimal(held))


def closing(terms: CarryTerms, **more: object) -> Closing:
    """A team funded from the organisation's source."""
    values = {"ended": LOWER, "ended_parent": SOURCE, "following": LOWER_NEXT, "following_parent": SOURCE, "depth": 1}
    numbers = {key: Decimal(value) if isinstance(value, str) else value for key, value in more.items()}
    return Closing(terms=terms, **values | numbers)


def run(closings: list[Closing], balances: dict[int, Balance], **below: Decimal) -> Carrying:
    return carry(
        closings, balances, overspent_below={int(key[1:]): value for key, value in below.items()},
        sources=frozenset({SOURCE}),
    )  # fmt: skip


def entries(*moves: tuple[str, int, int, int]) -> tuple[Entry, ...]:
    return tuple(Entry(kind, debit, credit, Decimal(amount)) for kind, debit, credit, amount in moves)


@pytest.mark.parametrize(
    ("terms", "result", "goes_on"),
    [
        (CarryTerms(), 20, 0),
        (UNSPENT, 20, 20),
        (UNSPENT, -20, 0),
        (OVERSPEND, 20, 0),
        (OVERSPEND, -20, -20),
        (BOTH, 0, 0),
        (CarryTerms(unspent=True, most=Decimal(7)), 20, 7),
        (CarryTerms(unspent=True, overspend=True, most=Decimal(7)), -20, -7),
        (CarryTerms(unspent=True, most=Decimal(70)), 20, 20),
    ],
)
def test_terms_say_what_goes_on(terms: CarryTerms, result: int, goes_on: int) -> None:
    assert terms.carried(Decimal(result)) == goes_on


def test_what_was_not_spent_leaves_one_account_and_comes_to_the_next() -> None:
    done = run([closing(UNSPENT)], {LOWER: money(100, spent=70, held=10), LOWER_NEXT: money(100)})

    assert done.entries == entries(("return", SOURCE, LOWER, 20), ("fund", LOWER_NEXT, SOURCE, 20))
    assert done.changed == (Carried(closing(UNSPENT), Decimal(20), Decimal(20), Decimal(0)),)


def test_overspending_is_paid_by_the_next_period() -> None:
    done = run([closing(OVERSPEND)], {LOWER: money(100, spent=130), LOWER_NEXT: money(100)})

    assert done.entries == entries(("return", SOURCE, LOWER_NEXT, 30), ("fund", LOWER, SOURCE, 30))
    assert done.changed == (Carried(closing(OVERSPEND), Decimal(-30), Decimal(-30), Decimal(0)),)


def test_a_next_period_pays_no_more_than_it_has_free() -> None:
    done = run([closing(OVERSPEND)], {LOWER: money(100, spent=130), LOWER_NEXT: money(100, granted_out=90, held=4)})

    assert done.entries == entries(("return", SOURCE, LOWER_NEXT, 6), ("fund", LOWER, SOURCE, 6))
    assert [each.carried_in for each in done.changed] == [Decimal(-6)]


def test_a_shortfall_of_the_next_period_pays_first() -> None:
    done = run([closing(OVERSPEND, shortfall="20")], {LOWER: money(100, spent=130), LOWER_NEXT: money(80)})

    assert done.entries == entries(("return", SOURCE, LOWER_NEXT, 10), ("fund", LOWER, SOURCE, 30))
    assert done.changed[0].shortfall == 0


def test_a_charge_after_the_close_changes_what_went_on() -> None:
    late = {LOWER: money(80, spent=85), LOWER_NEXT: money(120)}

    done = run([closing(UNSPENT, carried_in="20", carried_out="20")], late)

    assert done.entries == entries(("return", SOURCE, LOWER_NEXT, 5), ("fund", LOWER, SOURCE, 5))
    assert (done.changed[0].carried_in, done.changed[0].carried_out) == (Decimal(15), Decimal(15))


def test_a_second_run_moves_nothing() -> None:
    after = {LOWER: money(80, spent=80), LOWER_NEXT: money(120)}
    assert run([closing(UNSPENT, carried_in="20", carried_out="20")], after) == Carrying()


TEAM = {"ended_parent": UPPER, "following_parent": UPPER_NEXT, "depth": 2}
ORGANISATION = {"ended": UPPER, "following": UPPER_NEXT, "depth": 1}


def test_where_both_levels_carry_money_goes_up_and_down_by_both() -> None:
    done = run(
        [closing(UNSPENT, **TEAM), closing(UNSPENT, **ORGANISATION)],
        {
            UPPER: money(100, granted_out=100), UPPER_NEXT: money(100, granted_out=100),
            LOWER: money(100, spent=70), LOWER_NEXT: money(100),
        },
    )  # fmt: skip

    assert done.entries == entries(
        ("return", UPPER, LOWER, 30), ("return", SOURCE, UPPER, 30),
        ("fund", UPPER_NEXT, SOURCE, 30), ("grant", LOWER_NEXT, UPPER_NEXT, 30),
    )  # fmt: skip
    assert [each.shortfall for each in done.changed] == [0, 0]


def test_where_the_level_above_carries_nothing_it_gives_what_it_has_and_the_rest_is_a_shortfall() -> None:
    done = run(
        [closing(UNSPENT, **TEAM)],
        {
            UPPER: money(100, granted_out=100), UPPER_NEXT: money(100, granted_out=88),
            LOWER: money(100, spent=70), LOWER_NEXT: money(88),
        },
    )  # fmt: skip

    assert done.entries == entries(("return", UPPER, LOWER, 30), ("grant", LOWER_NEXT, UPPER_NEXT, 12))
    assert (done.changed[0].carried_in, done.changed[0].shortfall) == (Decimal(30), Decimal(18))


def test_what_a_team_overspent_is_paid_at_both_levels() -> None:
    """The team's next month pays, and what that gives back does not become room for the organisation."""
    done = run(
        [closing(BOTH, **TEAM), closing(BOTH, **ORGANISATION)],
        {
            UPPER: money(100, granted_out=100), UPPER_NEXT: money(100, granted_out=100),
            LOWER: money(100, spent=120), LOWER_NEXT: money(100),
        },
        _2=Decimal(20),
    )  # fmt: skip

    assert done.entries == entries(
        ("return", UPPER_NEXT, LOWER_NEXT, 20), ("return", SOURCE, UPPER_NEXT, 20), ("fund", UPPER, SOURCE, 20)
    )
    assert [each.carried_in for each in done.changed] == [Decimal(-20), Decimal(-20)]


amounts = st.integers(0, 300)


@settings(max_examples=60, deadline=None)
@given(
    spending=st.lists(st.tuples(amounts, st.integers(-40, 40), st.integers(0, 20)), min_size=12, max_size=12),
    terms=st.sampled_from([CarryTerms(), UNSPENT, OVERSPEND, BOTH, CarryTerms(unspent=True, most=Decimal(25))]),
)
def test_twelve_closes_with_late_charges_lose_nothing(spending: list[tuple[int, int, int]], terms: CarryTerms) -> None:
    """A month of 100 each; each is closed, charged late, and closed again while the next one is under way."""
    accounts = {month: money(100) for month in range(13)}
    carried_in = dict.fromkeys(range(13), Decimal(0))
    carried_out = dict.fromkeys(range(13), Decimal(0))

    def close(month: int) -> None:
        done = carry(
            [Closing(month, 99, month + 1, 99, 1, terms, carried_in[month + 1], carried_out[month])],
            accounts, overspent_below={}, sources=frozenset({99}),
        )  # fmt: skip
        for entry in done.entries:
            if entry.debit in accounts:
                accounts[entry.debit].funded += entry.amount
            if entry.credit in accounts:
                accounts[entry.credit].funded -= entry.amount
        for each in done.changed:
            carried_in[month + 1], carried_out[month] = each.carried_in, each.carried_out

    for month, (spent, late, held) in enumerate(spending):
        accounts[month].spent += spent
        accounts[month].held = Decimal(min(held, max(int(accounts[month].available), 0)))
        close(month)
        accounts[month].held = Decimal(0)
        accounts[month].spent += late
        close(month)
        assert accounts[month].funded == 100 + carried_in[month] - carried_out[month]
        result = 100 + carried_in[month] - max(accounts[month].spent, Decimal(0))
        free = 100 + min(Decimal(0), carried_in[month + 1])
        assert carried_in[month + 1] == terms.carried(result) or free == 0
        assert carried_in[month + 1] == carried_out[month]
    total = sum((account.funded for account in accounts.values()), Decimal(0))
    assert total == 1300
