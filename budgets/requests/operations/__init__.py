from budgets.requests.operations.agreeing import Conditions, given
from budgets.requests.operations.asking import (
    Case,
    answer_request,
    request_more,
    submit_request,
    withdraw_request,
)
from budgets.requests.operations.deciding import (
    approve_request,
    ask_about_request,
    reject_request,
)
from budgets.requests.operations.drafts import edit_draft
from budgets.requests.operations.emergencies import confirm_emergency, dispute_emergency, grant_in_emergency
from budgets.requests.operations.expiry import expire_requests
from budgets.requests.operations.reminding import remind_approvers
from budgets.requests.operations.steps import request_digest

__all__ = [
    "Case",
    "Conditions",
    "answer_request",
    "approve_request",
    "ask_about_request",
    "confirm_emergency",
    "dispute_emergency",
    "edit_draft",
    "expire_requests",
    "given",
    "grant_in_emergency",
    "reject_request",
    "remind_approvers",
    "request_digest",
    "request_more",
    "submit_request",
    "withdraw_request",
]
