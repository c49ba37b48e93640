"""The ledger is proved from its transfers; what somebody wrote past its triggers is found and said."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from budgets.approvals.operations import end_budget, give_back
from budgets.ledger.models import Account
from budgets.management.commands.ledger import WHAT_TO_DO
from budgets.proof.operations import verify_ledgers
from config import apart
from governance.organisations.operations import create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of, grant_by_two, use
from tests.budgets.reservations.held import held, told
from tests.database_owner import as_owner


@pytest.fixture
def books(acme: Scope, search: Scope, approve: Propose, finance: Actor) -> tuple[Account, Account]:
    """Usage, approvals from below upwards, grants, returns, holds that were used, that stay, and an end."""
    ads = create_scope(slug="ads", kind="team", parent=acme, actor=SYSTEM, at=AT)
    use(search, "3", tokens=70)
    lower = approve(search, "60")
    approve(acme, "100")
    approve(search, "1000", unit="tokens")
    short = approve(ads, "20")
    use(search, "4", tokens=30)
    use(search, "-1")
    grant_by_two(budget_id=lower.pk, amount=lower.amount / 6, actor=finance, reason="more", at=AT)
    give_back(budget_id=lower.pk, amount=lower.amount / 12, actor=finance, reason="less", at=AT)
    told(held(search, "2"), "1.5")
    held(search, "8", covers_task=True)
    end_budget(budget_id=short.pk, actor=finance, reason="over", at=AT)
    return account_of(acme), account_of(search)


def verify(*arguments: str) -> tuple[int, list[str]]:
    out = StringIO()
    try:
        call_command("ledger", "verify", *arguments, stdout=out, stderr=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


@contextmanager
def past_the_triggers() -> Iterator[None]:
    """As somebody with the owner's rights and no care."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.usefixtures("books")
def test_what_happened_in_any_order_adds_up_and_is_printed_money_first() -> None:
    code, lines = verify()

    assert code == 0
    assert lines[:2] == [
        "acme: 100.00 USD given = 7.50 USD spent + 8.00 USD held + 84.50 USD available, in 3 accounts.",
        "acme: 1,000 tokens given = 110 tokens spent + 0 tokens held + 890 tokens available, in 1 account.",
    ]
    assert lines[2].startswith("acme: adds up, by ")
    assert not verify_ledgers(at=AT).proofs[0].flaws


def test_what_was_written_past_the_triggers_is_found_told_and_taken_back(books: tuple[Account, Account]) -> None:
    upper, lower = books
    with past_the_triggers():
        Account.objects.filter(pk=lower.pk).update(spent=lower.spent + 2, held=0)
    where = f"acme/search, {lower.period_start} to {lower.period_end}, money (account {lower.pk})"

    code, lines = verify()

    assert code == 1
    assert lines[0].startswith("acme: 100.00 USD given = 9.50 USD spent + 0.00 USD held + 90.50 USD available")
    assert lines[3:] == [
        f"WRONG: 2.00 USD too much in {where}: spent says 9.50 USD, its transfers come to 7.50 USD.",
        f"WRONG: 8.00 USD too little in {where}: held says 0.00 USD, its transfers come to 8.00 USD.",
        f"WRONG: 8.00 USD too little in {where}: it holds 0.00 USD, open reservations need 8.00 USD.",
        WHAT_TO_DO,
    ]
    told_of = "The ledger is not proved, `weir ledger verify` says why, for acme: see the log; all others go on."
    assert list(apart.faults()) == [told_of]

    with past_the_triggers():
        Account.objects.filter(pk=lower.pk).update(spent=lower.spent, held=lower.held)
    assert (verify()[0], list(apart.faults())) == (0, [])
    assert upper.granted_out == Account.objects.get(pk=upper.pk).granted_out


def test_a_transfer_that_was_changed_or_leads_elsewhere_is_found(books: tuple[Account, Account]) -> None:
    upper, lower = books
    tokens = account_of(lower.scope, "tokens")
    with past_the_triggers(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE budgets_transfer SET debit_account_id = %s WHERE id = (SELECT min(id) FROM budgets_transfer"
            " WHERE kind = 'charge' AND credit_account_id = %s) RETURNING id",
            [tokens.pk, lower.pk],
        )
        row = cursor.fetchone()
        assert row is not None
        cursor.execute(
            "UPDATE budgets_transfer SET amount = amount + 1 WHERE kind = 'grant' AND debit_account_id = %s"
            " AND credit_account_id = %s AND id = (SELECT max(id) FROM budgets_transfer WHERE kind = 'grant')",
            [lower.pk, upper.pk],
        )

    said = [flaw.said for flaw in verify_ledgers(at=AT).proofs[0].flaws]

    assert f"1 transfer out of it, first {row[0]}, do not lead where such transfers lead" in said
    assert sum("granted out says" in each for each in said) == 1
    assert sum("funded with says" in each for each in said) == 1


def test_one_organisation_alone_can_be_verified(acme: Scope, approve: Propose) -> None:
    approve(acme, "100")
    create_scope(slug="globex", kind="organisation", actor=SYSTEM, at=AT)

    assert verify("--organisation", "globex") == (0, ["globex: no budget has an account yet."])
