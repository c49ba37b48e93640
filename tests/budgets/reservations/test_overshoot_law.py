"""What happened is never more than what is recorded and the bound that is published beside it, whatever comes late,
goes without a word or is drawn while nobody looks.

`WEIR_TEST_LEDGER_STEPS=2000` takes that many steps, others each time.
"""

import os
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import transaction

from budgets.reservations.models import Reservation
from budgets.reservations.operations import expire_reservations, renew_lease, return_lease, settle
from budgets.reservations.queries.overshoot import overshoot_bounds
from governance.errors import DomainError
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of
from tests.budgets.reservations.held import check_ledger, held, leased, told

pytestmark = pytest.mark.long

STEPS_ASKED = os.environ.get("WEIR_TEST_LEDGER_STEPS", "")
STEPS_OF_A_WALK = 40
WALKS = max(int(STEPS_ASKED or 120) // STEPS_OF_A_WALK, 1)
ZERO = Decimal(0)


class Call:
    """A reservation, and what only its holder knows: what was used, what of it was told, and until when it may be."""

    def __init__(self, row: Reservation) -> None:
        self.row, self.known = row, row.amount
        self.until = int((row.expires_at - AT).total_seconds())
        self.used = self.told = ZERO
        self.is_over = False


class HonestHolders:
    """Nobody uses more than they hold, or after its time; what was used is told at some time or never."""

    def __init__(self, scope: Scope, random: Random) -> None:
        self.scope, self.random = scope, random
        self.now, self.calls = 0, list[Call]()

    @property
    def at(self) -> datetime:
        return AT + timedelta(seconds=self.now)

    def check(self) -> None:
        happened = sum((call.used for call in self.calls), ZERO)
        account = account_of(self.scope)
        published = account.spent + overshoot_bounds([account.pk], at=self.at)[account.pk].total
        assert happened <= published, self.said

    def walk(self, steps: int) -> None:
        possible = [
            self.take, self.take, self.use, self.use, self.tell, self.renew, self.say_what_it_cost, self.wait,
            self.vanish, self.vanish, self.hold_again_what_a_part_freed,
        ]  # fmt: skip
        self.said: list[str] = []
        for _step in range(steps):
            step = self.random.choice(possible)
            self.said.append(step.__name__)
            step()
            self.check()
        check_ledger()

    def usable(self, *, lease: bool | None = None, unused: bool = False) -> Call | None:
        there = [
            call
            for call in self.calls
            if not call.is_over and call.until > self.now and lease in (None, call.row.is_lease)
            if not (unused and call.used)
        ]
        return self.random.choice(there) if there else None

    def amount(self, most: Decimal = Decimal(6)) -> Decimal:
        return Decimal(self.random.randint(1, int(most * 100))) / 100

    def take(self) -> None:
        parent = self.usable(lease=False, unused=True) if self.random.random() < 0.3 else None
        make = leased if self.random.random() < 0.5 else held
        above = parent.row if parent is not None else None
        row = self._said(lambda: make(
            self.scope, str(self.amount()), at=self.at, seconds=self.random.randint(1, 90), parent=above
        ))  # fmt: skip
        if row is not None:
            self.calls.append(Call(row))
            if parent is not None:
                # It is for those below it now, and calls nothing itself.
                parent.is_over = True

    def use(self) -> None:
        call = self.usable()
        if call is not None and (call.row.is_lease or not call.used) and call.known - call.used >= Decimal("0.01"):
            call.used += self.amount(call.known - call.used)

    def vanish(self) -> None:
        """It uses all that it may, says nothing, and its time passes."""
        call = self.usable()
        if call is not None and (call.row.is_lease or not call.used):
            call.used = max(call.known, call.used)
            self.now = call.until
            expire_reservations(at=self.at)

    def tell(self) -> None:
        untold = [call for call in self.calls if call.used > call.told]
        if untold:
            call = self.random.choice(untold)
            told(call.row, str(call.used - call.told), at=self.at)
            call.told = call.used
            call.is_over = call.is_over or not call.row.is_lease

    def renew(self) -> None:
        call = self.usable(lease=True)
        if call is not None:
            lasts = timedelta(seconds=self.random.randint(1, 90))
            row = self._said(lambda: renew_lease(
                lease_id=call.row.pk, drawn=call.used, capacity=self.amount(), expires_in=lasts, actor=SYSTEM,
                at=self.at,
            ))  # fmt: skip
            if row is not None:
                call.known, call.until = row.amount, int((row.expires_at - AT).total_seconds())

    def say_what_it_cost(self) -> None:
        call = self.usable()
        if call is not None and call.used:
            if call.row.is_lease:
                self._said(lambda: return_lease(lease_id=call.row.pk, drawn=call.used, actor=SYSTEM, at=self.at))
            else:
                self._said(lambda: settle(reservation_id=call.row.pk, amount=call.used, actor=SYSTEM, at=self.at))
            call.is_over = True

    def wait(self) -> None:
        self.now += self.random.randint(1, 60)
        expire_reservations(at=self.at)

    def hold_again_what_a_part_freed(self) -> None:
        """A part of a whole is used up and vanishes, and another takes what that freed."""
        whole = self.usable(lease=False, unused=True)
        if whole is None or whole.until <= self.now + 2:
            return
        whole.is_over = True
        for _twice in range(2):
            row = self._said(lambda: held(self.scope, str(whole.known), at=self.at, seconds=1, parent=whole.row))
            if row is None:
                return
            self.calls.append(Call(row))
            self.calls[-1].used = row.amount
            self.now += 1
            expire_reservations(at=self.at)
            self.check()

    def _said(self, operation: Any) -> Reservation | None:
        try:
            with transaction.atomic():
                row: Reservation = operation()
        except DomainError:
            return None
        return row


def test_what_happened_is_never_more_than_was_published(search: Scope, approve: Propose) -> None:
    approve(search, "20")
    for walk in range(WALKS):
        with transaction.atomic():
            HonestHolders(search, Random(None if STEPS_ASKED else walk)).walk(STEPS_OF_A_WALK)
            transaction.set_rollback(True)


def test_settled_at_up_to_twice_what_was_held_no_more_is_overspent_than_was_published(
    search: Scope, approve: Propose
) -> None:
    approve(search, "1")
    rows = [held(search, "0.1") for _ in range(10)]
    account = account_of(search)
    published = overshoot_bounds([account.pk], at=AT)[account.pk].total
    for number, row in enumerate(rows):
        settle(reservation_id=row.pk, amount=Decimal("0.1") + Decimal(number + 1) / 100, actor=SYSTEM, at=AT)
    account.refresh_from_db()
    assert (published, account.spent - account.funded) == (Decimal(1), Decimal("0.55"))
    assert account.spent - account.funded <= published
