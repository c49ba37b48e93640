"""What a person reads of the overshoot bound: money first, then where it comes from."""

from decimal import Decimal

import pytest

from budgets.reservations.engine.bounds import OvershootBound
from budgets.reservations.engine.words import bound_in_words

USED = Decimal(20)


def test_only_what_there_is_is_told() -> None:
    assert bound_in_words(OvershootBound(data_age_s=3600), "money", USED, "USD") == ""
    assert bound_in_words(OvershootBound(leases=Decimal(4)), "tokens", USED) == (
        "Use comes to at most 24 tokens, 4 tokens beyond what is recorded: 4 tokens leased."
    )


@pytest.mark.parametrize(
    ("age_s", "words"),
    [(7, "7 seconds"), (119, "119 seconds"), (150, "2 minutes"), (7200, "2 hours"), (200_000, "2 days")],
)
def test_all_of_it_is_told_with_how_old_the_data_is(age_s: int, words: str) -> None:
    bound = OvershootBound(
        leases=Decimal(4), holds=Decimal(3), unsettled=Decimal(2), unreported=Decimal("0.5"),
        burn_per_hour=Decimal(30), data_age_s=age_s,
    )  # fmt: skip
    assert bound_in_words(bound, "money", USED, "USD") == (
        "Use comes to at most 29.50 USD, 9.50 USD beyond what is recorded: 4.00 USD leased; 3.00 USD held for calls"
        " under way; 2.00 USD drawn beyond leases or expired within the hour, which may still be told of; 0.50 USD not"
        f" told of yet: the data is {words} old, at 30.00 USD an hour."
    )
