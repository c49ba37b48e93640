"""What must never be wrong is a constraint: each is met here directly, past every operation."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from budgets.ledger.models import Account, Transfer
from budgets.plans.models import Budget
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, Propose, account_of, use
from tests.database_owner import as_owner


def refused(match: str) -> Any:
    return pytest.raises(DatabaseError, match=match)


def row(scope: Scope, author: Actor, **terms: object) -> Budget:
    given = {"amount": Decimal(1), "currency": "USD", "starts_on": date(2026, 11, 1), "created_at": AT} | terms
    return Budget(name="b", scope=scope, created_by=author.user, **given)


def approved(author: Actor, finance: Actor, **terms: object) -> dict[str, object]:
    return {
        "status": "approved",
        "submitted_by": author.user,
        "submitted_at": AT,
        "decided_by": finance.user,
        "decided_at": AT,
        "decision_reason": "ok",
    } | terms


@pytest.mark.parametrize(
    ("terms", "constraint"),
    [
        ({"amount": Decimal(0)}, "budget_amount_is_positive"),
        ({"currency": ""}, "budget_currency_for_money_only"),
        ({"unit": "tokens"}, "budget_currency_for_money_only"),
        ({"ends_on": date(2026, 10, 1)}, "budget_ends_after_it_starts"),
        ({"status": "submitted"}, "budget_submission_complete"),
        ({"status": "approved", "submitted_at": AT}, "budget_decision_complete"),
        ({"decision_reason": "why"}, "budget_decision_complete"),
    ],
)
def test_an_incomplete_budget_is_refused(
    search: Scope, author: Actor, terms: dict[str, object], constraint: str
) -> None:
    with refused(constraint), transaction.atomic():
        row(search, author, **terms).save()

    assert Budget.objects.count() == 0


def test_four_eyes_are_a_constraint(search: Scope, author: Actor, finance: Actor) -> None:
    for terms in ({"decided_by": author.user}, {"submitted_by": finance.user}):
        with refused("budget_decided_by_another_person"), transaction.atomic():
            row(search, author, **approved(author, finance, **terms)).save()


def test_one_budget_a_day_per_scope_and_unit(acme: Scope, search: Scope, author: Actor, finance: Actor) -> None:
    def save(scope: Scope, **terms: object) -> None:
        with transaction.atomic():
            row(scope, author, **approved(author, finance, **terms)).save()

    save(search)
    with refused("budget_one_at_a_time"):
        save(search, starts_on=date(2030, 1, 1))
    save(search, starts_on=date(2026, 10, 1), ends_on=date(2026, 11, 1))
    save(search, unit="tokens", currency="")
    save(acme)

    assert Budget.objects.count() == 4


def test_what_was_approved_is_not_edited_nor_deleted(search: Scope, approve: Propose) -> None:
    budget = approve(search, "100")

    for change in ({"amount": 200}, {"starts_on": date(2026, 10, 1)}, {"decision_reason": "x"}, {"decided_by": None}):
        with refused("what was decided is not edited"), transaction.atomic():
            Budget.objects.filter(pk=budget.pk).update(**change)
    with refused("Invalid transition"), transaction.atomic():
        Budget.objects.filter(pk=budget.pk).update(status="submitted")
    with as_owner(), refused("Cannot delete"), transaction.atomic():
        budget.delete()
    Budget.objects.filter(pk=budget.pk).update(ends_on=date(2027, 1, 1))
    with refused("earlier, never later"), transaction.atomic():
        Budget.objects.filter(pk=budget.pk).update(ends_on=None)


def test_transfers_are_written_once(search: Scope, approve: Propose) -> None:
    approve(search, "100")

    with as_owner(), refused("Cannot update or delete"), transaction.atomic():
        Transfer.objects.update(amount=1)
    with as_owner(), refused("Cannot update or delete"), transaction.atomic():
        Transfer.objects.all()._raw_delete("default")


def test_balances_follow_transfers_and_nothing_else(search: Scope, approve: Propose) -> None:
    approve(search, "100")

    for change in ({"funded": 200}, {"granted_out": 1}, {"spent": 0.5}):
        with refused("balances are moved by transfers"), transaction.atomic():
            Account.objects.filter(kind="budget").update(**change)
    with refused("an account opens empty"), transaction.atomic():
        Account.objects.create(kind="source", scope=search, unit="tokens", opened_at=AT, funded=5)
    with refused("never re-used"), transaction.atomic():
        Account.objects.filter(kind="budget").update(period_start=date(2026, 10, 1))
    with as_owner(), refused("Cannot delete"), transaction.atomic():
        Account.objects.filter(kind="budget")._raw_delete("default")


def transfer(debit: Account, credit: Account, kind: str, amount: str, **more: object) -> None:
    with transaction.atomic():
        Transfer.objects.create(
            debit_account=debit, credit_account=credit, kind=kind, amount=amount, occurred_on=AT.date(), at=AT, **more
        )


def test_a_transfer_has_two_sides_one_unit_and_an_amount(acme: Scope, search: Scope, approve: Propose) -> None:
    approve(acme, "100")
    approve(search, "5", unit="tokens")
    money, tokens = account_of(acme), account_of(search, "tokens")

    with refused("transfer_between_two_accounts"):
        transfer(money, money, "grant", "1")
    with refused("transfer_amount_is_positive"):
        transfer(money, tokens, "grant", "-1")
    with refused("stays within one unit"):
        transfer(tokens, money, "grant", "1")


def test_children_can_never_hold_more_than_the_parent(acme: Scope, search: Scope, approve: Propose) -> None:
    approve(acme, "100")
    approve(search, "60")

    with refused("account_never_grants_more_than_it_has"):
        transfer(account_of(search), account_of(acme), "grant", "40.000000001")
    with refused("account_never_grants_more_than_it_has"):
        transfer(account_of(acme).parent, account_of(acme), "return", "41")

    assert account_of(acme).granted_out == Decimal(60)


def test_an_author_cannot_be_the_one_who_moves_money_in(search: Scope, approve: Propose, author: Actor) -> None:
    approve(search, "60")
    account = account_of(search)

    with refused("nobody grants money to a budget of their own"):
        transfer(account, account.parent, "fund", "40", by=author.user)


def test_balances_equal_the_transfers(acme: Scope, search: Scope, approve: Propose) -> None:
    use(search, "3")
    approve(acme, "100")
    approve(search, "60")
    use(search, "4")

    with connection.cursor() as cursor:
        cursor.execute(BALANCES_FROM_TRANSFERS)
        assert cursor.fetchall() == []


BALANCES_FROM_TRANSFERS = """
    SELECT account.id FROM budgets_account account WHERE kind = 'budget' AND (
        funded <> COALESCE((SELECT sum(amount) FROM budgets_transfer WHERE debit_account_id = account.id
                            AND kind IN ('fund', 'grant')), 0)
                - COALESCE((SELECT sum(amount) FROM budgets_transfer WHERE credit_account_id = account.id
                            AND kind = 'return'), 0)
        OR granted_out <> COALESCE((SELECT sum(amount) FROM budgets_transfer WHERE credit_account_id = account.id
                            AND kind IN ('fund', 'grant')), 0)
                - COALESCE((SELECT sum(amount) FROM budgets_transfer WHERE debit_account_id = account.id
                            AND kind = 'return'), 0)
        OR spent <> COALESCE((SELECT sum(amount) FROM budgets_transfer WHERE credit_account_id = account.id
                            AND kind IN ('charge', 'adjust')), 0)
                - COALESCE((SELECT sum(amount) FROM budgets_transfer WHERE debit_account_id = account.id
                            AND kind IN ('charge', 'adjust')), 0)
        OR held <> COALESCE((SELECT sum(amount) FROM budgets_transfer WHERE credit_account_id = account.id
                            AND kind = 'hold'), 0)
                - COALESCE((SELECT sum(amount) FROM budgets_transfer WHERE debit_account_id = account.id
                            AND kind = 'unhold'), 0))
"""
