from budgets.approvals.operations.approving import approve_budget
from budgets.approvals.operations.emergencies import grant_ahead, take_back_unspent
from budgets.approvals.operations.ending import end_budget, end_digest, withdraw_end
from budgets.approvals.operations.granting import (
    approve_grant,
    grant_digest,
    grant_more,
    reject_grant,
    withdraw_grant,
)
from budgets.approvals.operations.grants import give_back
from budgets.approvals.operations.lifecycle import (
    create_budget,
    reject_budget,
    submit_budget,
    withdraw_budget,
)
from budgets.approvals.operations.proposals import (
    apply_budget,
    plan_budget,
)
from budgets.approvals.operations.raising import (
    Wish,
    grant_as_asked,
    raise_as_asked,
)

__all__ = [
    "Wish",
    "apply_budget",
    "approve_budget",
    "approve_grant",
    "create_budget",
    "end_budget",
    "end_digest",
    "give_back",
    "grant_ahead",
    "grant_as_asked",
    "grant_digest",
    "grant_more",
    "plan_budget",
    "raise_as_asked",
    "reject_budget",
    "reject_grant",
    "submit_budget",
    "take_back_unspent",
    "withdraw_budget",
    "withdraw_end",
    "withdraw_grant",
]
