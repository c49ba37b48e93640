"""What the budgets app refuses, each with a stable code."""

from decimal import Decimal

from governance.errors import DomainError, Forbidden, Invalid


class FourEyes(Forbidden):
    code = "four_eyes"


class WrongStatus(DomainError):
    code = "status_mismatch"


class NotInForce(DomainError):
    code = "budget_not_in_force"


class ProposalExists(DomainError):
    code = "proposal_exists"


class ChangedSinceSeen(DomainError):
    code = "changed_since_seen"


class PeriodLongerThanParent(Invalid):
    code = "period_longer_than_parent"


class InsufficientFunds(DomainError):
    """`available` is in the budget's own unit."""

    code = "insufficient_funds"

    def __init__(self, detail: str, *, available: Decimal) -> None:
        super().__init__(detail, available=f"{available.normalize():f}")
