import pytest

from governance.sign_in.engine.passwords import why_guessable

COMMON = frozenset({"password", "letmein", "iloveyou", "sunshine", "football"})
WORDS = ("weir", "globex", "it")
ADDED = "It is a password that many have, with something added."
AGAIN = "It is a short one, said again and again."
IN_A_ROW = "It follows the keys or the alphabet."


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("Password1234!", ADDED),
        ("2024P@ssw0rd!!", ADDED),
        ("!!Sunsh1ne2026", ADDED),
        ("football 2026!!", ADDED),
        ("aaaaaaaaaaaa", AGAIN),
        ("abcabcabcabc", AGAIN),
        ("letmeinletmein", AGAIN),
        ("123123123123", AGAIN),
        ("qwertyuiop12", IN_A_ROW),
        ("123456789012", IN_A_ROW),
        ("zyxwvutsrqpo", IN_A_ROW),
        ("asdfghjklqwerty", IN_A_ROW),
        ("Globex-is-great", "It holds 'globex', which whoever guesses tries first."),
        ("my We1r secret", "It holds 'weir', which whoever guesses tries first."),
        ("correct horse battery staple", None),
        ("a long password", None),
        ("it is not a word", None),
        ("kR7-vbn2Qz.tla", None),
        ("passwordsofmine", None),
    ],
)
def test_a_password_made_of_what_others_have_is_guessed(password: str, why: str | None) -> None:
    assert why_guessable(password, COMMON, WORDS) == why
