"""What trees come to is written on the day that the account's period has."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from budgets.ledger.models import Transfer
from budgets.reservations.operations import expire_reservations, renew_lease
from governance.scopes.models import Scope
from tests.budgets.conftest import AT, SYSTEM, Propose, account_of
from tests.budgets.reservations.held import check_ledger, leased


def test_in_a_period_that_is_over_its_last_day_is_charged(search: Scope, approve: Propose) -> None:
    approve(search, "10")
    last = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    lease = leased(search, "4", at=last)
    renew_lease(
        lease_id=lease.pk, drawn=Decimal(3), capacity=Decimal(1), expires_in=timedelta(minutes=5), actor=SYSTEM, at=last
    )

    assert expire_reservations(at=last + timedelta(days=2)) == 1

    account = account_of(search)
    assert (account.spent, account.held) == (Decimal(3), Decimal(0))
    days = set(Transfer.objects.of([account.pk]).filter(kind__in=("charge", "unhold")).values_list("occurred_on"))
    assert days == {(last.date(),)}
    assert AT.month == last.month
    check_ledger()
