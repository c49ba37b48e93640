"""What requests refuse beside what budgets do, each with a stable code."""

from governance.errors import DomainError, Forbidden


class NotNext(Forbidden):
    """By the organisation's approval rules others agree now."""

    code = "approval_by_others"


class AgreedAlready(DomainError):
    """The person has agreed to as much; others are next."""

    code = "agreement_exists"
