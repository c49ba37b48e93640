"""What the budgets app refuses, each with a stable code."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from governance.errors import DomainError, Forbidden, Invalid


class FourEyes(Forbidden):
    """The author of a proposal may not decide on it."""

    code = "four_eyes"


class EmergencyRefused(DomainError):
    """More than may be granted in an emergency, or an earlier one has not been reviewed in time; `left` is what may be
    granted now.
    """

    code = "emergency_refused"


class WrongStatus(DomainError):
    """The budget's status does not allow the command."""

    code = "status_mismatch"


class NotInForce(DomainError):
    """The budget has no account for the day."""

    code = "budget_not_in_force"


class ProposalExists(DomainError):
    """The scope has an open proposal in this unit."""

    code = "proposal_exists"


class ChangedSinceSeen(DomainError):
    """The proposal is not the one the person saw."""

    code = "changed_since_seen"


class PeriodLongerThanParent(Invalid):
    """A budget's period is longer than that of the budget which would fund it."""

    code = "period_longer_than_parent"


class InsufficientFunds(DomainError):
    """An account has too little to give; `available`, in the budget's own unit, is what it has. `more` is shown beside
    it, so it holds no secrets.
    """

    code = "insufficient_funds"

    def __init__(self, detail: str, *, available: Decimal, more: Mapping[str, object] = MappingProxyType({})) -> None:
        super().__init__(detail, available=f"{available.normalize():f}")
        self.left = available
        self.extra = {**self.extra, **more}
