"""What the API reads and shows of budgets and of their transfers."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from budgets.approvals.models import GrantProposal
from budgets.approvals.operations import end_digest, grant_digest
from budgets.approvals.queries import EndWaiting
from budgets.forecasts.engine.running_out import Outlook
from budgets.ledger.models import Account, Transfer
from budgets.ledger.queries import BudgetFacts
from budgets.plans.api import AmountField
from budgets.plans.engine.amounts import budget_quantity, plain
from budgets.plans.models import Budget
from budgets.plans.operations import terms_digest
from budgets.reservations.api.bounds import OvershootBoundOut, bound_shown
from budgets.reservations.engine.bounds import OvershootBound
from governance.rest.api import ScopeParameters


class ReasonField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=2000, **kwargs)


class BudgetIn(serializers.Serializer[Any]):
    scope = serializers.CharField(max_length=1000, help_text="Path of the scope.")
    unit = serializers.ChoiceField(choices=Budget.Unit.choices, default=Budget.Unit.MONEY)
    period = serializers.ChoiceField(choices=Budget.Period.choices, default=Budget.Period.MONTH)
    amount = AmountField(help_text="For each period.")
    currency = serializers.RegexField(r"^[A-Z]{3}$", default="", help_text="Left out: the organisation's.")
    starts_on = serializers.DateField(default=None, help_text="First day of a period; left out: the current one.")
    ends_on = serializers.DateField(default=None, help_text="First day not covered any more.")
    carry_over = serializers.ChoiceField(
        choices=Budget.CarryOver.choices,
        default=Budget.CarryOver.NONE,
        help_text="What goes on into the next period when one has ended.",
    )
    carry_over_max = AmountField(default=None, help_text="The most that goes on; left out: all of it.")
    name = serializers.CharField(max_length=253, default="")
    note = serializers.CharField(max_length=2000, default="", allow_blank=True)


class BudgetFilterIn(ScopeParameters):
    status = serializers.ChoiceField(choices=Budget.Status.choices, required=False)
    unit = serializers.ChoiceField(choices=Budget.Unit.choices, required=False)
    order = serializers.ChoiceField(
        choices=(("newest", "newest"), ("runs_out", "runs out first")), default="newest",
        help_text="`runs_out`: the earliest `runs_out_on` first, then the highest `pro_rata_ratio`.",
    )  # fmt: skip


class GrantWaitingOut(serializers.ModelSerializer[GrantProposal]):
    amount = AmountField(help_text="On top of what the period has.")
    proposed_by = serializers.CharField(source="proposed_by.email")
    digest = serializers.SerializerMethodField(help_text="Of the whole grant: who approves it sends it back.")

    class Meta:
        model = GrantProposal
        fields = ("id", "amount", "period_start", "period_end", "reason", "proposed_by", "proposed_at", "digest")
        read_only_fields = fields

    def get_digest(self, grant: GrantProposal) -> str:
        return grant_digest(grant)


class EndWaitingOut(serializers.Serializer[EndWaiting]):
    id = serializers.IntegerField(source="proposal.pk")
    reason = serializers.CharField(source="proposal.reason")
    proposed_by = serializers.CharField(source="proposal.proposed_by.email")
    proposed_at = serializers.DateTimeField(source="proposal.proposed_at")
    expires_at = serializers.DateTimeField(source="proposal.expires_at", help_text="Nobody completes it from then on.")
    may_complete = serializers.ListField(
        child=serializers.CharField(),
        help_text="Who holds the right nearest to the scope, but for who asked. Superusers may too.",
    )
    digest = serializers.SerializerMethodField(help_text="Of all of it: who completes the end sends it back.")

    def get_digest(self, end: EndWaiting) -> str:
        return end_digest(end.proposal.budget, end.proposal)


class DecisionIn(serializers.Serializer[Any]):
    reason = ReasonField()


class ApprovalIn(DecisionIn):
    expected_digest = serializers.RegexField(
        r"^[0-9a-f]{64}$",
        default=None,
        help_text="The budget's `digest` as you saw it: refused when anything of the proposal has changed since.",
    )
    expected_amount = AmountField(default=None, help_text="The amount alone that you saw; `expected_digest` says more.")


class GrantApprovalIn(DecisionIn):
    expected_digest = serializers.RegexField(
        r"^[0-9a-f]{64}$",
        default=None,
        help_text="The `digest` of the waiting grant as you saw it: refused when anything of it has changed since.",
    )


class EndIn(DecisionIn):
    expected_digest = serializers.RegexField(
        r"^[0-9a-f]{64}$",
        default=None,
        help_text="The `digest` of `waiting_end` as you saw it, of the budget where none waited: refused when it has"
        " changed since.",
    )


class GrantIn(DecisionIn):
    amount = AmountField(help_text="On top, for the current period.")


class CurrentPeriodOut(serializers.Serializer[BudgetFacts]):
    period_start = serializers.DateTimeField()
    period_end = serializers.DateTimeField(help_text="The first instant after the period.")
    amount = AmountField(help_text="Approved and granted for this period.")
    used = AmountField(help_text="With what budgets below have used.")
    remaining = AmountField(help_text="amount - used; below zero when overspent.")
    available = AmountField(help_text="Neither used or held here nor granted to budgets below.")
    held = AmountField(help_text="Set aside by reservations for calls under way.")
    granted_out = AmountField(help_text="Granted to budgets below.")
    shortfall = AmountField(help_text="Approved, but not there to give when the period opened.")
    carried_in = AmountField(help_text="Of it gone on from the period before; below zero: overspending paid for.")
    used_ratio = serializers.DecimalField(max_digits=30, decimal_places=9, allow_null=True)
    daily_share = AmountField()
    overshoot_bound = serializers.SerializerMethodField(help_text="Null before the period's first usage.")

    @extend_schema_field(OvershootBoundOut(allow_null=True))
    def get_overshoot_bound(self, facts: BudgetFacts) -> Any:
        bounds: Mapping[int, OvershootBound] = self.context["bounds"]
        return bound_shown(bounds.get(facts.account_id or 0))


class OutlookOut(serializers.Serializer[Outlook]):
    pro_rata_ratio = serializers.DecimalField(
        max_digits=30, decimal_places=9, allow_null=True,
        help_text="Used, as a share of what an even pace would have used by the end of today: above 1 is faster.",
    )  # fmt: skip
    is_spent = serializers.BooleanField()
    runs_out_on = serializers.DateField(
        allow_null=True, help_text="Spent by then in 50 of 100 cases; null when it lasts, or for `reason`."
    )
    earliest = serializers.DateField(source="exhausted.early", allow_null=True, help_text="In 10 of 100 cases.")
    latest = serializers.DateField(source="exhausted.late", allow_null=True, help_text="In 90 of 100 cases.")
    made_on = serializers.DateField(allow_null=True, help_text="The day of the forecast that says so.")
    reason = serializers.CharField(help_text="Why nothing is forecast.")


class BudgetOut(serializers.ModelSerializer[Budget]):
    scope = serializers.CharField(source="scope.path")
    amount = AmountField()
    carry_over_max = AmountField(allow_null=True)
    created_by = serializers.CharField(source="created_by.email", default=None, allow_null=True)
    submitted_by = serializers.CharField(source="submitted_by.email", default=None, allow_null=True)
    decided_by = serializers.CharField(source="decided_by.email", default=None, allow_null=True)
    digest = serializers.SerializerMethodField(help_text="Of the whole proposal: who approves it sends it back.")
    current = serializers.SerializerMethodField(help_text="The period that contains now; null when not in force.")
    outlook = serializers.SerializerMethodField(help_text="When it runs out, and its pace; null when not in force.")
    waiting_grant = serializers.SerializerMethodField(
        help_text="More that one person has asked for and a second one has to approve; nothing has moved."
    )

    waiting_end = serializers.SerializerMethodField(
        help_text="That one person has asked for the budget to end, and a second one has to agree; nothing has ended."
    )

    class Meta:
        model = Budget
        fields = (
            *("id", "name", "scope", "unit", "period", "amount", "currency", "starts_on", "ends_on"),
            *("year_starts", "carry_over", "carry_over_max", "note", "status"),
            *("supersedes", "source", "created_by", "created_at", "submitted_by", "submitted_at"),
            *("decided_by", "decided_at", "decision_reason", "digest", "current", "outlook"),
            *("waiting_grant", "waiting_end"),
        )
        read_only_fields = fields

    def get_digest(self, budget: Budget) -> str:
        return terms_digest(budget)

    @extend_schema_field(CurrentPeriodOut(allow_null=True))
    def get_current(self, budget: Budget) -> Mapping[str, Any] | None:
        facts: Mapping[int, BudgetFacts] = self.context["facts"]
        current = facts.get(budget.pk)
        return CurrentPeriodOut(current, context=self.context).data if current is not None else None

    @extend_schema_field(OutlookOut(allow_null=True))
    def get_outlook(self, budget: Budget) -> Mapping[str, Any] | None:
        known: Mapping[int, Outlook] = self.context["outlooks"]
        outlook = known.get(budget.pk)
        return OutlookOut(outlook).data if outlook is not None else None

    @extend_schema_field(GrantWaitingOut(allow_null=True))
    def get_waiting_grant(self, budget: Budget) -> Mapping[str, Any] | None:
        grants: Mapping[int, GrantProposal] = self.context["grants"]
        grant = grants.get(budget.pk)
        return GrantWaitingOut(grant).data if grant is not None else None

    @extend_schema_field(EndWaitingOut(allow_null=True))
    def get_waiting_end(self, budget: Budget) -> Mapping[str, Any] | None:
        ends: Mapping[int, EndWaiting] = self.context["ends"]
        end = ends.get(budget.pk)
        return EndWaitingOut(end).data if end is not None else None


class TransferOut(serializers.ModelSerializer[Transfer]):
    """Seen from the budget: `in` is money it gets, or spending that is taken off it."""

    direction = serializers.SerializerMethodField()
    amount = serializers.SerializerMethodField()
    counterpart = serializers.SerializerMethodField(help_text="Path of the other budget's scope; or source, or spent.")
    period_start = serializers.SerializerMethodField()
    by = serializers.CharField(source="by.email", default=None, allow_null=True)

    class Meta:
        model = Transfer
        fields = (
            *("id", "kind", "direction", "amount", "counterpart", "period_start", "occurred_on", "at"),
            *("reference", "reason", "by"),
        )
        read_only_fields = fields

    def _sides(self, transfer: Transfer) -> tuple[str, Account, Account]:
        """Direction, own account, the other account."""
        if transfer.debit_account.budget_id == self.context["budget_id"]:
            return "in", transfer.debit_account, transfer.credit_account
        return "out", transfer.credit_account, transfer.debit_account

    def get_direction(self, transfer: Transfer) -> str:
        return self._sides(transfer)[0]

    def get_amount(self, transfer: Transfer) -> str:
        return plain(budget_quantity(transfer.debit_account.unit, transfer.amount))

    def get_counterpart(self, transfer: Transfer) -> str:
        counterpart = self._sides(transfer)[2]
        return counterpart.scope.path if counterpart.kind == Account.Kind.BUDGET else counterpart.kind

    def get_period_start(self, transfer: Transfer) -> str:
        return str(self._sides(transfer)[1].period_start)
