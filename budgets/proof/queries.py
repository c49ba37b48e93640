"""The books of an organisation's accounts, portion by portion; the database adds transfers up."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db import connection

from budgets.ledger.engine.funding import Balance
from budgets.proof.engine.books import Books, Totals

PROOF_HEARTBEAT = "budgets.prove_ledgers"
# An account of a month with many batches has a million transfers; one statement reads those of so many accounts.
ACCOUNTS_AT_ONCE = 50
# Every transfer is looked at once, from the account that it leaves; charges are not found by where they go. One
# statement has one snapshot, and a balance changes with its transfers, so nothing has to stand still.
BOOKS = """
    WITH portion AS (
        SELECT account.*, scope.path FROM budgets_account account JOIN governance_scope scope ON scope.id = scope_id
        WHERE account.id > %(after)s AND (scope.path = %(root)s OR starts_with(scope.path, %(root)s || '/'))
        ORDER BY account.id LIMIT %(limit)s
    )
    SELECT portion.id, portion.kind, portion.path, portion.unit, portion.period_start, portion.period_end,
           portion.funded, portion.granted_out, portion.spent, portion.held,
           arrived.funded - gone.returned, gone.granted - arrived.returned, gone.charged - arrived.charged,
           gone.held - arrived.unheld,
           (SELECT COALESCE(sum(child.funded), 0) FROM budgets_account child WHERE child.parent_id = portion.id),
           (SELECT COALESCE(sum(root.held), 0) FROM budgets_reservation root
                WHERE root.account_id = portion.id AND root.status = 'held'),
           strange.amount, gone.transfers, gone.misfits, gone.misfit
    FROM portion
    CROSS JOIN LATERAL (
        SELECT count(*) AS transfers,
               COALESCE(sum(amount) FILTER (WHERE transfer.kind IN ('fund', 'grant')), 0) AS granted,
               COALESCE(sum(amount) FILTER (WHERE transfer.kind = 'return'), 0) AS returned,
               COALESCE(sum(amount) FILTER (WHERE transfer.kind IN ('charge', 'adjust')), 0) AS charged,
               COALESCE(sum(amount) FILTER (WHERE transfer.kind = 'hold'), 0) AS held,
               count(*) FILTER (WHERE NOT fits) AS misfits, min(transfer.id) FILTER (WHERE NOT fits) AS misfit
        FROM (
            SELECT moved.id, moved.kind, amount,
                   other.unit = portion.unit AND split_part(where_to.path, '/', 1) = %(root)s
                   AND (moved.kind, portion.kind, other.kind) IN (
                       ('fund', 'source', 'budget'), ('grant', 'budget', 'budget'),
                       ('return', 'budget', 'budget'), ('return', 'budget', 'source'),
                       ('charge', 'budget', 'spent'), ('adjust', 'budget', 'budget'), ('adjust', 'spent', 'budget'),
                       ('hold', 'budget', 'held'), ('unhold', 'held', 'budget')
                   ) AS fits
            FROM budgets_transfer moved
            JOIN budgets_account other ON other.id = moved.debit_account_id
            JOIN governance_scope where_to ON where_to.id = other.scope_id
            WHERE moved.credit_account_id = portion.id
        ) transfer
    ) gone
    CROSS JOIN LATERAL (
        SELECT COALESCE(sum(amount) FILTER (WHERE kind IN ('fund', 'grant')), 0) AS funded,
               COALESCE(sum(amount) FILTER (WHERE kind = 'return'), 0) AS returned,
               COALESCE(sum(amount) FILTER (WHERE kind = 'adjust'), 0) AS charged,
               COALESCE(sum(amount) FILTER (WHERE kind = 'unhold'), 0) AS unheld
        FROM budgets_transfer
        WHERE debit_account_id = portion.id AND kind <> 'charge' AND portion.kind = 'budget'
    ) arrived
    CROSS JOIN LATERAL (
        SELECT COALESCE(sum(abs(net)), 0) AS amount FROM (
            SELECT sum(given) AS net FROM (
                SELECT credit_account_id AS other, amount AS given FROM budgets_transfer
                    WHERE debit_account_id = portion.id AND kind IN ('fund', 'grant')
                UNION ALL
                SELECT debit_account_id, -amount FROM budgets_transfer
                    WHERE credit_account_id = portion.id AND kind = 'return'
            ) both_ways
            WHERE other <> portion.parent_id GROUP BY other
        ) of_each
    ) strange
    ORDER BY portion.id
"""
TOTALS = """
    SELECT account.unit, count(*), COALESCE(sum(account.funded) FILTER (WHERE parent.kind = 'source'), 0),
           sum(account.spent), sum(account.held),
           sum(account.funded - account.granted_out - account.spent - account.held)
    FROM budgets_account account
    JOIN governance_scope scope ON scope.id = account.scope_id
    LEFT JOIN budgets_account parent ON parent.id = account.parent_id
    WHERE account.kind = 'budget' AND (scope.path = %(root)s OR starts_with(scope.path, %(root)s || '/'))
    GROUP BY account.unit ORDER BY account.unit
"""


def totals_of(organisation: str) -> list[Totals]:
    """What the accounts of the organisation with this path hold, by unit. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, {"root": organisation})
        return [Totals(unit, accounts, *_exact(numbers)) for unit, accounts, *numbers in cursor.fetchall()]


def books_of(organisation: str) -> Iterator[list[Books]]:
    """All accounts of the organisation with this path, some at a time."""
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(BOOKS, {"after": after, "root": organisation, "limit": ACCOUNTS_AT_ONCE})
            rows = cursor.fetchall()
        if not rows:
            return
        yield [_books(row) for row in rows]
        after = rows[-1][0]


def _books(row: tuple[Any, ...]) -> Books:
    account_id, kind, path, unit, start, end, *numbers = row
    below, open_holds, from_others, transfers, misfits, misfit = numbers[8:]
    return Books(
        account_id=account_id, is_of_a_budget=kind == "budget", path=path, unit=unit, start=start, end=end,
        stated=Balance(*_exact(numbers[:4])), moved=Balance(*_exact(numbers[4:8])), below=Decimal(below),
        open_holds=Decimal(open_holds), from_others=Decimal(from_others), transfers=transfers,
        misfits=misfits, misfit=misfit,
    )  # fmt: skip


def _exact(numbers: list[Any]) -> list[Decimal]:
    return [Decimal(number) for number in numbers]
