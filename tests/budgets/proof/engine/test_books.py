"""What does not add up is named with the money first."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from budgets.ledger.engine.funding import Balance
from budgets.proof.engine.books import FLAWS_KEPT, Books, Proof, Totals, flaws_of


def money(funded: str, granted_out: str = "0", spent: str = "0", held: str = "0") -> Balance:
    return Balance(Decimal(funded), Decimal(granted_out), Decimal(spent), Decimal(held))


SOUND = Books(
    account_id=7, is_of_a_budget=True, path="acme/search", unit="money", start=date(2026, 11, 1), end=date(2026, 12, 1),
    stated=money("100", "40", "12", "5"), moved=money("100", "40", "12", "5"), below=Decimal(40),
    open_holds=Decimal(5), transfers=9,
)  # fmt: skip
WHERE = "acme/search, 2026-11-01 to 2026-12-01, money (account 7)"


def sentences(books: Books) -> list[str]:
    return [flaw.sentence("USD") for flaw in flaws_of(books, "USD")]


def test_an_account_that_adds_up_has_no_flaw() -> None:
    assert sentences(SOUND) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"stated": money("100", "40", "12.50", "5")},
            f"0.50 USD too much in {WHERE}: spent says 12.50 USD, its transfers come to 12.00 USD.",
        ),
        (
            {"moved": money("130", "40", "12", "5")},
            f"30.00 USD too little in {WHERE}: funded with says 100.00 USD, its transfers come to 130.00 USD.",
        ),
        (
            {"below": Decimal(45)},
            f"5.00 USD too little in {WHERE}: it granted 40.00 USD, the accounts below it have 45.00 USD.",
        ),
        (
            {"open_holds": Decimal(0)},
            f"5.00 USD too much in {WHERE}: it holds 5.00 USD, open reservations need 0.00 USD.",
        ),
        (
            {"from_others": Decimal(3)},
            f"{WHERE}: 3.00 USD of its money came from accounts that are not its parent.",
        ),
        (
            {"misfits": 2, "misfit": 31},
            f"{WHERE}: 2 transfers out of it, first 31, do not lead where such transfers lead.",
        ),
    ],
)  # fmt: skip
def test_each_flaw_says_how_much_where_and_what(change: dict[str, object], said: str) -> None:
    assert sentences(replace(SOUND, **change)) == [said]


def test_more_granted_than_there_is_is_said() -> None:
    books = replace(SOUND, stated=money("30", "40", "12", "5"), moved=money("30", "40", "12", "5"))
    assert sentences(books) == [f"10.00 USD too much in {WHERE}: it granted 40.00 USD of 30.00 USD."]


def test_of_other_accounts_only_where_transfers_lead_is_looked_at() -> None:
    source = replace(SOUND, is_of_a_budget=False, start=None, end=None, stated=money("0"), misfits=1, misfit=4)
    assert [flaw.where for flaw in flaws_of(source, "USD")] == ["acme/search, money"]


def test_gpu_hours_are_spoken_in_hours() -> None:
    books = replace(SOUND, unit="gpu_hours", moved=money("100", "40", "3612", "5"))
    assert sentences(books)[0].startswith("1 GPU hours too little in acme/search")


def totals(available: str) -> Totals:
    return Totals("money", 2, Decimal(100), Decimal(12), Decimal(5), Decimal(available))


def test_a_proof_counts_all_flaws_and_keeps_the_first() -> None:
    proof = Proof("acme", "USD", [totals("83")])
    proof.add([SOUND] * 3)
    assert (proof.transfers, proof.flaws_found) == (27, 0)
    proof.add([replace(SOUND, from_others=Decimal(1))] * (FLAWS_KEPT + 2))
    assert (proof.flaws_found, len(proof.flaws)) == (FLAWS_KEPT + 2, FLAWS_KEPT)


def test_what_was_given_is_somewhere() -> None:
    assert totals("83").sentence("USD") == (
        "100.00 USD given = 12.00 USD spent + 5.00 USD held + 83.00 USD available, in 2 accounts"
    )
    proof = Proof("acme", "USD", [totals("80")])
    assert [flaw.sentence("USD") for flaw in proof.flaws] == [
        "3.00 USD too little in acme, money: what was given is not what lies there."
    ]
