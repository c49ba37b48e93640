from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from budgets.ledger.engine.funding import Adoption, Balance, Entry, Opening, fund

SOURCE, TOP, MIDDLE, CHILD = 1, 2, 3, 4
D = Decimal


def test_a_root_takes_from_the_source_and_its_child_from_the_root() -> None:
    openings = [Opening(TOP, SOURCE, D(100)), Opening(CHILD, TOP, D(60))]

    funding = fund(openings, {SOURCE: Balance(), TOP: Balance(), CHILD: Balance()}, frozenset({SOURCE}))

    assert funding.entries == (Entry("fund", TOP, SOURCE, D(100)), Entry("grant", CHILD, TOP, D(60)))
    assert (funding.shortfalls, funding.uncovered) == ({}, {})


def test_what_the_parent_has_spent_is_not_there_to_grant() -> None:
    balances = {TOP: Balance(D(100), D(20), D(30)), CHILD: Balance()}

    funding = fund([Opening(CHILD, TOP, D(60))], balances, frozenset())

    assert funding.entries == (Entry("grant", CHILD, TOP, D(50)),)
    assert (funding.shortfalls, funding.available) == ({CHILD: D(10)}, {CHILD: D(50)})


def test_an_overspent_parent_grants_nothing() -> None:
    funding = fund([Opening(CHILD, TOP, D(60))], {TOP: Balance(D(10), D(0), D(30)), CHILD: Balance()}, frozenset())

    assert (funding.entries, funding.shortfalls) == ((), {CHILD: D(60)})


def test_an_adopted_account_frees_its_former_parent_for_the_new_one() -> None:
    balances = {TOP: Balance(D(100), D(80)), MIDDLE: Balance(), CHILD: Balance(D(80), D(80))}

    funding = fund([Opening(MIDDLE, TOP, D(100), (Adoption(CHILD, TOP, D(80)),))], balances, frozenset())

    assert funding.entries == (
        Entry("return", TOP, CHILD, D(80)),
        Entry("grant", CHILD, MIDDLE, D(80)),
        Entry("grant", MIDDLE, TOP, D(100)),
    )


def test_what_cannot_be_carried_stays_where_it_is() -> None:
    balances = {SOURCE: Balance(), MIDDLE: Balance(), CHILD: Balance(D(80))}

    funding = fund([Opening(MIDDLE, SOURCE, D(50), (Adoption(CHILD, SOURCE, D(80)),))], balances, frozenset({SOURCE}))

    assert (funding.uncovered, funding.entries) == ({MIDDLE: D(30)}, (Entry("fund", MIDDLE, SOURCE, D(50)),))


wanted = st.lists(st.decimals(min_value=1, max_value=100, places=2), min_size=1, max_size=6)


@given(st.decimals(min_value=0, max_value=200, places=2), wanted)
def test_children_together_never_get_more_than_the_parent_has(has: Decimal, amounts: list[Decimal]) -> None:
    children = range(10, 10 + len(amounts))
    openings = [Opening(child, TOP, amount) for child, amount in zip(children, amounts, strict=True)]

    funding = fund(openings, {TOP: Balance(has), **{child: Balance() for child in children}}, frozenset())

    given_away = sum((entry.amount for entry in funding.entries), D(0))
    assert given_away == min(has, sum(amounts, D(0)))
    assert given_away + sum(funding.shortfalls.values(), D(0)) == sum(amounts, D(0))
