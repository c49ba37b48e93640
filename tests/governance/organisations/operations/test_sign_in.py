from datetime import timedelta

from governance.organisations.operations.sign_in import ACCOUNTS_MAX, FAILURES_MAX, WITHIN, Guesses
from tests.conftest import AT

SECOND = timedelta(seconds=1)


def test_an_account_is_closed_after_its_failures_and_open_again_when_they_are_long_ago() -> None:
    guesses = Guesses()
    last = [guesses.fail("ada", AT + number * SECOND) for number in range(FAILURES_MAX)]
    assert last == [False] * (FAILURES_MAX - 1) + [True]
    assert guesses.are_too_many("ada", AT + WITHIN - SECOND)
    assert not guesses.are_too_many("ada", AT + WITHIN)
    assert not guesses.are_too_many("bob", AT)


def test_who_signs_in_begins_anew() -> None:
    guesses = Guesses()
    for _ in range(FAILURES_MAX - 1):
        guesses.fail("ada", AT)
    guesses.succeed("ada")
    assert not guesses.fail("ada", AT)


def test_names_that_nobody_has_fill_no_memory() -> None:
    guesses = Guesses()
    for number in range(ACCOUNTS_MAX):
        guesses.fail(f"nobody-{number}", AT)
    guesses.fail("ada", AT + WITHIN)
    assert len(guesses._failed) == 1
