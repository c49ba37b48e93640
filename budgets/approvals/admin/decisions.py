"""The pages that confirm a decision: what is decided on, and why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from budgets.approvals import operations
from budgets.approvals.models import EndProposal, GrantProposal, SecondPerson
from budgets.approvals.queries import EndWaiting
from budgets.ledger.queries import BudgetFacts
from budgets.plans.engine.amounts import rounded
from budgets.plans.models import Budget
from governance.pages.admin.reasons import ReasonForm


class GrantForm(ReasonForm):
    amount = forms.DecimalField(
        max_digits=24, decimal_places=9, widget=UnfoldAdminDecimalFieldWidget, help_text="On top, for this period only."
    )
    field_order = ("amount", "reason")


class GiveBackForm(GrantForm):
    amount = forms.DecimalField(
        max_digits=24, decimal_places=9, widget=UnfoldAdminDecimalFieldWidget, help_text="Off this period only."
    )


@dataclass(frozen=True, slots=True)
class DecisionPage:
    """One decision: its page, the operation it calls, and the message shown when that succeeded. `by_another`: not by
    the budget's author. `checks_terms`: refused when the proposal has changed since the page was shown. `of_grant`: on
    the grant that waits for a second person. `of_end`: shows the end that waits, too. `ends_waiting`: only where one
    does.
    """

    title: str
    explanation: str
    form: type[forms.Form]
    operation: Callable[..., Any]
    done: str
    statuses: frozenset[str]
    is_danger: bool = False
    checks_terms: bool = False
    by_another: bool = True
    of_grant: bool = False
    of_end: bool = False
    ends_waiting: bool = False


@dataclass(frozen=True, slots=True)
class GrantShown:
    """A grant that waits, as a page shows it."""

    amount: str
    since: date
    until: date
    reason: str
    by: str


def grant_shown(grant: GrantProposal | None) -> GrantShown | None:
    """The amount first, then the period, who asked for it and why."""
    if grant is None:
        return None
    amount = rounded(grant.budget.unit, grant.amount, grant.budget.currency)
    return GrantShown(amount, grant.period_start, grant.period_end, grant.reason, str(grant.proposed_by))


@dataclass(frozen=True, slots=True)
class EndShown:
    """An end that waits, as a page shows it."""

    by: str
    reason: str
    until: datetime
    may_complete: str


def end_shown(end: EndWaiting | None) -> EndShown | None:
    """Who asked for it and why, until when it waits, and for whom."""
    if end is None:
        return None
    asked = end.proposal
    who = " or ".join(end.may_complete) or "a superuser"
    return EndShown(str(asked.proposed_by), asked.reason, asked.expires_at, who)


def what_waits(result: object) -> str | None:
    """What is said of an operation that only asked for something."""
    if not isinstance(result, SecondPerson) or not result.waits:
        return None
    if isinstance(result, EndProposal):
        return f"waits until {result.expires_at:%-d %B} for a second person to end it too; it holds as before"
    return "waits for a second person to approve it; nothing has moved"


STATUS = Budget.Status
DECISIONS: Mapping[str, DecisionPage] = {
    "submit": DecisionPage(
        "Submit",
        "Someone else with the right to approve budgets decides on it.",
        forms.Form,
        operations.submit_budget,
        "submitted",
        frozenset({STATUS.DRAFT}),
        by_another=False,
    ),
    "approve": DecisionPage(
        "Approve",
        "The current period is funded at once; what was used in it so far counts.",
        ReasonForm,
        operations.approve_budget,
        "approved",
        frozenset({STATUS.SUBMITTED}),
        checks_terms=True,
    ),
    "reject": DecisionPage(
        "Reject",
        "The author reads the reason.",
        ReasonForm,
        operations.reject_budget,
        "rejected",
        frozenset({STATUS.SUBMITTED}),
        is_danger=True,
    ),
    "grant": DecisionPage(
        "Grant more",
        "Money moves down from the budget above, for the current period only. More than one person may raise alone, and"
        " any raise of a top budget, waits until a second person approves it.",
        GrantForm,
        operations.grant_more,
        "granted more",
        frozenset({STATUS.APPROVED}),
    ),
    "approve_grant": DecisionPage(
        "Approve the grant",
        "The money moves at once, for the period it was asked for.",
        ReasonForm,
        operations.approve_grant,
        "grant approved",
        frozenset({STATUS.APPROVED}),
        checks_terms=True,
        of_grant=True,
    ),
    "reject_grant": DecisionPage(
        "Reject the grant",
        "Nothing moves; who asked for it reads the reason.",
        ReasonForm,
        operations.reject_grant,
        "grant rejected",
        frozenset({STATUS.APPROVED}),
        is_danger=True,
        of_grant=True,
    ),
    "withdraw_grant": DecisionPage(
        "Withdraw the grant",
        "Nobody will decide on it.",
        ReasonForm,
        operations.withdraw_grant,
        "grant withdrawn",
        frozenset({STATUS.APPROVED}),
        is_danger=True,
        by_another=False,
        of_grant=True,
    ),
    "give_back": DecisionPage(
        "Give back",
        "Money moves up to the budget above, for the current period only.",
        GiveBackForm,
        operations.give_back,
        "given back",
        frozenset({STATUS.APPROVED}),
    ),
    "withdraw": DecisionPage(
        "Withdraw",
        "Nobody will decide on it.",
        ReasonForm,
        operations.withdraw_budget,
        "withdrawn",
        frozenset({STATUS.DRAFT, STATUS.SUBMITTED}),
        is_danger=True,
        by_another=False,
    ),
    "end": DecisionPage(
        "End",
        "From today on it holds no more; what is left goes back to the budget above. Where none above holds, a second"
        " person has to end it too, within seven days, and it holds until then.",
        ReasonForm,
        operations.end_budget,
        "ended",
        frozenset({STATUS.APPROVED}),
        is_danger=True,
        checks_terms=True,
        by_another=False,
        of_end=True,
    ),
    "withdraw_end": DecisionPage(
        "Withdraw the end",
        "The budget goes on.",
        ReasonForm,
        operations.withdraw_end,
        "goes on",
        frozenset({STATUS.APPROVED}),
        by_another=False,
        of_end=True,
        ends_waiting=True,
    ),
}


def seen(posted: Mapping[str, str], budget: Budget, *, digest_alone: bool = False) -> dict[str, Any]:
    """What the page showed, as `expected_amount` and `expected_digest`, or of a grant or an end its digest, so that
    nobody approves what they have not seen.
    """
    if digest_alone:
        digest = posted.get(f"digest_{budget.pk}", "")
        return {"expected_digest": digest} if digest else {}
    amount, digest = posted.get(f"seen_{budget.pk}", ""), posted.get(f"digest_{budget.pk}", "")
    shown: dict[str, Any] = {"expected_digest": digest} if digest else {}
    try:
        return shown | ({"expected_amount": Decimal(amount)} if amount else {})
    except ArithmeticError:
        return shown


def amount_and_used(budget: Budget, facts: BudgetFacts | None) -> dict[str, str] | None:
    """Of the current period; None without one."""
    if facts is None:
        return None
    return {
        "amount": rounded(budget.unit, facts.amount, budget.currency),
        "used": rounded(budget.unit, facts.used, budget.currency),
    }
