"""What tests of reservations say in one line."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from allocation.usage.engine.reserved import ReservedUsage
from allocation.usage.engine.roll_ups import UsagePosting
from budgets.ledger.models import Account
from budgets.proof.operations import verify_ledgers
from budgets.reservations.models import Reservation
from budgets.reservations.operations import Terms, hold
from budgets.reservations.operations.reported import post_and_settle
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, account_of
from tests.budgets.ledger.test_models import BALANCES_FROM_TRANSFERS


def held(
    scope: Scope,
    amount: str,
    *,
    parent: Reservation | None = None,
    at: datetime = AT,
    actor: Actor = SYSTEM,
    seconds: int = 600,
    unit: str = "money",
    covers_task: bool = False,
    reservation_id: UUID | None = None,
    kind: str = "hold",
) -> Reservation:
    """A reservation of the amount."""
    terms = Terms(
        kind=kind, unit=unit, amount=Decimal(amount), expires_in=timedelta(seconds=seconds), covers_task=covers_task,
        parent_id=parent.pk if parent is not None else None,
    )  # fmt: skip
    return hold(scope=scope, terms=terms, actor=actor, at=at, reservation_id=reservation_id)[0]


def leased(scope: Scope, amount: str, **terms: Any) -> Reservation:
    """A lease of the amount."""
    return held(scope, amount, kind="lease", **terms)


def told(reservation: Reservation, cost: str, *, scope: Scope | None = None, at: datetime = AT) -> None:
    """Usage that names it, as a batch posts it."""
    scope_id = scope.pk if scope is not None else reservation.scope_id
    nanos = int(Decimal(cost) * 10**9)
    used = ReservedUsage(reservation.pk, scope_id, cost_nanos=nanos, tokens=10, requests=1, has_succeeded=True)
    posting = UsagePosting(scope_id, at.date(), Decimal(cost), 10, 1, Decimal(0))
    post_and_settle(postings=[posting], reserved=[used], at=at)


def balances(scope: Scope, *, at: datetime = AT) -> tuple[Decimal, Decimal, Decimal]:
    """(spent, held, available) of the scope's account."""
    account = account_of(scope, day=at.date())
    return account.spent, account.held, account.available


def money(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(amount) for amount in amounts)


def check_ledger() -> None:
    """Balances are the sums of transfers, and each account holds what its open roots need."""
    with connection.cursor() as cursor:
        cursor.execute(BALANCES_FROM_TRANSFERS)
        assert cursor.fetchall() == []
    assert verify_ledgers(at=AT).is_proved
    for account in Account.objects.filter(kind="budget"):
        roots = Reservation.objects.filter(account=account, parent=None)
        assert account.held == sum((root.held for root in roots), Decimal(0))
    for row in Reservation.objects.all():
        children = list(Reservation.objects.filter(parent=row))
        taken = sum((max(c.amount, c.drawn) if c.is_open else c.spent for c in children), Decimal(0))
        own = row.spent - sum((child.spent for child in children), Decimal(0))
        assert row.drawn == own + taken, (row, row.drawn, own, taken)
