from budgets.reservations.operations.ending import extend, release, settle
from budgets.reservations.operations.expiry import expire_reservations
from budgets.reservations.operations.holding import Terms, hold
from budgets.reservations.operations.leasing import renew_lease, return_lease

__all__ = [
    "Terms",
    "expire_reservations",
    "extend",
    "hold",
    "release",
    "renew_lease",
    "return_lease",
    "settle",
]
