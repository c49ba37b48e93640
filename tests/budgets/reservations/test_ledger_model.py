"""Whatever is said in whatever order, the ledger in PostgreSQL and a hundred lines of Python say the same.

`WEIR_TEST_LEDGER_STEPS=2000` takes that many steps.
"""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from budgets.approvals.operations import end_budget, grant_more
from budgets.ledger.models import Account
from budgets.plans.models import Budget
from budgets.reservations.models import Reservation
from budgets.reservations.operations import (
    expire_reservations,
    extend,
    release,
    renew_lease,
    return_lease,
    settle,
)
from governance.errors import DomainError
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of
from tests.budgets.reservations.held import check_ledger, held, leased, told
from tests.budgets.reservations.ledger_model import LedgerModel, ModelAccount, ModelReservation, Refused

pytestmark = pytest.mark.long

STEPS = int(os.environ.get("WEIR_TEST_LEDGER_STEPS", "100"))
STEPS_AT_ONCE = 25
cents = st.integers(1, 900).map(lambda number: Decimal(number) / 100)
costs = st.integers(0, 900).map(lambda number: Decimal(number) / 100)
seconds = st.integers(1, 90)
choices = st.integers(0, 1_000)


class Books:
    """What stands before the first step: 20 for the organisation, 8 of which for a team."""

    upper: Scope
    lower: Scope
    budget: Budget
    finance: Actor
    accounts: dict[str, int]


class LedgerMachine(RuleBasedStateMachine):
    books: Books

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        accounts = {"upper": ModelAccount(Decimal(20), granted_out=Decimal(8)), "lower": ModelAccount(Decimal(8))}
        self.model = LedgerModel(accounts)
        self.pairs: list[tuple[ModelReservation, Reservation, str]] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)

    @property
    def at(self) -> datetime:
        return AT + timedelta(seconds=self.model.now)

    def scope(self, name: str) -> Scope:
        return self.books.lower if name == "lower" else self.books.upper

    def both(self, in_model: Callable[[], object], in_database: Callable[[], object]) -> Any:
        """What both do, or both refuse; then both hold the same."""
        wanted, given, answer = "done", "done", None
        try:
            in_model()
        except Refused:
            wanted = "refused"
        try:
            with transaction.atomic():
                answer = in_database()
        except DomainError:
            given = "refused"
        assert given == wanted
        return answer

    def check(self) -> None:
        for name, pk in self.books.accounts.items():
            account, wanted = Account.objects.get(pk=pk), self.model.accounts[name]
            figures = (account.funded, account.granted_out, account.spent, account.available)
            assert figures == (wanted.funded, wanted.granted_out, wanted.charged, self.model.available(name)), name
        for row, stored, _scope in self.pairs:
            stored.refresh_from_db()
            wanted_row = (row.status, row.amount, row.spent, row.drawn, row.stated, row.backed, row.told)
            assert (
                stored.status, stored.amount, stored.spent, stored.drawn, stored.stated, stored.held, stored.drawn_told
            ) == wanted_row  # fmt: skip
        check_ledger()

    @rule(name=st.sampled_from(["upper", "lower"]), amount=cents, lasts=seconds)
    def hold_on_an_account(self, name: str, amount: Decimal, lasts: int) -> None:
        stored = self.both(
            lambda: self.model.hold(name, amount, lasts, None),
            lambda: held(self.scope(name), str(amount), at=self.at, seconds=lasts),
        )
        self._pair(stored, name)

    @precondition(lambda self: self.pairs)
    @rule(choice=choices, amount=cents, lasts=seconds)
    def hold_on_a_parent(self, choice: int, amount: Decimal, lasts: int) -> None:
        parent, above, name = self.pairs[choice % len(self.pairs)]
        stored = self.both(
            lambda: self.model.hold(name, amount, lasts, parent),
            lambda: held(self.scope(name), str(amount), parent=above, at=self.at, seconds=lasts),
        )
        self._pair(stored, name)

    @rule(name=st.sampled_from(["upper", "lower"]), amount=cents, lasts=seconds)
    def lease(self, name: str, amount: Decimal, lasts: int) -> None:
        stored = self.both(
            lambda: self.model.hold(name, amount, lasts, None, lease=True),
            lambda: leased(self.scope(name), str(amount), at=self.at, seconds=lasts),
        )
        self._pair(stored, name)

    @precondition(lambda self: self.pairs)
    @rule(choice=choices, amount=cents, lasts=seconds)
    def lease_of_a_parent(self, choice: int, amount: Decimal, lasts: int) -> None:
        parent, above, name = self.pairs[choice % len(self.pairs)]
        stored = self.both(
            lambda: self.model.hold(name, amount, lasts, parent, lease=True),
            lambda: leased(self.scope(name), str(amount), parent=above, at=self.at, seconds=lasts),
        )
        self._pair(stored, name)

    @precondition(lambda self: any(row.is_lease for row, _, _ in self.pairs))
    @rule(choice=choices, drawn=costs, capacity=cents, lasts=seconds)
    def renew(self, choice: int, drawn: Decimal, capacity: Decimal, lasts: int) -> None:
        row, stored = self._lease(choice)
        self.both(
            lambda: self.model.renew(row, drawn, capacity, lasts),
            lambda: renew_lease(
                lease_id=stored.pk, drawn=drawn, capacity=capacity, expires_in=timedelta(seconds=lasts), actor=SYSTEM,
                at=self.at,
            ),
        )  # fmt: skip
        self.check()

    @precondition(lambda self: any(row.is_lease for row, _, _ in self.pairs))
    @rule(choice=choices, drawn=costs)
    def give_back(self, choice: int, drawn: Decimal) -> None:
        row, stored = self._lease(choice)
        self.both(
            lambda: self.model.settle(row, drawn),
            lambda: return_lease(lease_id=stored.pk, drawn=drawn, actor=SYSTEM, at=self.at),
        )
        self.check()

    def _lease(self, choice: int) -> tuple[ModelReservation, Reservation]:
        leases = [(row, stored) for row, stored, _name in self.pairs if row.is_lease]
        return leases[choice % len(leases)]

    @precondition(lambda self: self.pairs)
    @rule(choice=choices, cost=costs)
    def use(self, choice: int, cost: Decimal) -> None:
        row, stored, name = self.pairs[choice % len(self.pairs)]
        self.both(lambda: self.model.use(row, name, cost), lambda: told(stored, str(cost), at=self.at))
        self.check()

    @precondition(lambda self: self.pairs)
    @rule(choice=choices, total=costs)
    def settle(self, choice: int, total: Decimal) -> None:
        row, stored, _name = self.pairs[choice % len(self.pairs)]
        self.both(
            lambda: self.model.settle(row, total),
            lambda: settle(reservation_id=stored.pk, amount=total, actor=SYSTEM, at=self.at),
        )
        self.check()

    @precondition(lambda self: self.pairs)
    @rule(choice=choices, amount=cents, lasts=seconds)
    def extend(self, choice: int, amount: Decimal, lasts: int) -> None:
        row, stored, _name = self.pairs[choice % len(self.pairs)]
        longer = timedelta(seconds=lasts)
        self.both(
            lambda: self.model.extend(row, amount, lasts),
            lambda: extend(reservation_id=stored.pk, expires_in=longer, amount=amount, actor=SYSTEM, at=self.at),
        )
        self.check()

    @precondition(lambda self: self.pairs)
    @rule(choice=choices)
    def release(self, choice: int) -> None:
        row, stored, _name = self.pairs[choice % len(self.pairs)]
        self.both(lambda: self.model.release(row), lambda: release(reservation_id=stored.pk, actor=SYSTEM, at=self.at))
        self.check()

    @rule(lasts=seconds)
    def wait(self, lasts: int) -> None:
        self.model.wait(lasts)
        expire_reservations(at=self.at)
        self.check()

    @rule(amount=cents)
    def grant(self, amount: Decimal) -> None:
        self.both(
            lambda: self.model.grant(amount),
            lambda: grant_more(
                budget_id=self.books.budget.pk, amount=amount, actor=self.books.finance, reason="more", at=self.at
            ),
        )
        self.check()

    @rule(choice=st.integers(0, 9))
    def close(self, choice: int) -> None:
        if choice == 0:
            self.both(
                self.model.close,
                lambda: end_budget(budget_id=self.books.budget.pk, actor=self.books.finance, reason="over", at=self.at),
            )
        self.check()

    def _pair(self, stored: Reservation | None, name: str) -> None:
        if stored is not None:
            self.pairs.append((self.model.rows[-1], stored, name))
        self.check()


def test_the_ledger_and_its_model_never_differ(
    acme: Scope, search: Scope, approve: Propose, finance: Actor, settings: Any
) -> None:
    settings.GRANT_ALONE_PERCENT = 1_000_000
    books = Books()
    approve(acme, "20")
    books.upper, books.lower, books.budget, books.finance = acme, search, approve(search, "8"), finance
    books.accounts = {"upper": account_of(acme).pk, "lower": account_of(search).pk}
    LedgerMachine.books = books
    run_state_machine_as_test(LedgerMachine, settings=SETTINGS)


SETTINGS = settings(
    max_examples=max(STEPS // STEPS_AT_ONCE, 1),
    stateful_step_count=STEPS_AT_ONCE,
    deadline=None,
    # The same steps each time, so that a build says something of what it builds; others when asked for more.
    derandomize="WEIR_TEST_LEDGER_STEPS" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
