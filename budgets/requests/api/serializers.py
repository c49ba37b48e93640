"""What the API reads and shows of requests."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from budgets.approval_rules.engine.agreeing import ApprovalCase, StepShown, steps_shown
from budgets.plans.api import AmountField
from budgets.plans.models import Budget
from budgets.requests.models import Agreement, QuotaRequest, QuotaRequestEntry
from budgets.requests.operations import request_digest
from governance.rest.api import ScopeParameters

TERMS = (
    "`period`: for the current period of the budget that the scope's use is charged to. `dates` and `standing`: for the"
    " scope's own budget, from `starts_on`; a new one where it has none."
)


class QuotaRequestIn(serializers.Serializer[Any]):
    scope = serializers.CharField(max_length=1000, help_text="Path of the scope.")
    unit = serializers.ChoiceField(choices=Budget.Unit.choices, default=Budget.Unit.MONEY)
    amount = AmountField(help_text="On top of what there is.")
    term = serializers.ChoiceField(choices=QuotaRequest.Term.choices, default=QuotaRequest.Term.PERIOD, help_text=TERMS)
    period = serializers.ChoiceField(
        choices=Budget.Period.choices, default=Budget.Period.MONTH, help_text="Of a new budget."
    )
    starts_on = serializers.DateField(default=None, help_text="First day of a period; left out: the current one.")
    ends_on = serializers.DateField(default=None, help_text="With `dates`: the first day not covered any more.")
    justification = serializers.CharField(max_length=5000)
    expected_outcome = serializers.CharField(max_length=2000, default="", allow_blank=True)
    outcome_value = AmountField(default=None, help_text="What that is worth, in the organisation's currency.")
    link = serializers.URLField(max_length=1000, default="", allow_blank=True)
    estimate = AmountField(default=None, help_text="What you expect to use by the end, in the unit asked for.")
    decide_by = serializers.DateTimeField(default=None, help_text="Left out: in 14 days, or when the period ends.")
    submit = serializers.BooleanField(default=True, help_text="False leaves a draft.")


class QuotaRequestEditIn(serializers.Serializer[Any]):
    """What is left out stays."""

    amount = AmountField(required=False)
    term = serializers.ChoiceField(choices=QuotaRequest.Term.choices, required=False, help_text=TERMS)
    period = serializers.ChoiceField(choices=Budget.Period.choices, required=False, help_text="Of a new budget.")
    starts_on = serializers.DateField(required=False)
    ends_on = serializers.DateField(required=False)
    justification = serializers.CharField(max_length=5000, required=False)
    expected_outcome = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    outcome_value = AmountField(required=False, allow_null=True)
    link = serializers.URLField(max_length=1000, required=False, allow_blank=True)
    estimate = AmountField(required=False, allow_null=True)
    decide_by = serializers.DateTimeField(required=False)


class EmergencyIn(serializers.Serializer[Any]):
    scope = serializers.CharField(max_length=1000, help_text="Path of the scope.")
    unit = serializers.ChoiceField(choices=Budget.Unit.choices, default=Budget.Unit.MONEY)
    amount = AmountField(help_text="On top of what there is, for the current period of the budget that is charged.")
    reason = serializers.CharField(max_length=2000)


class QuotaRequestFilterIn(ScopeParameters):
    status = serializers.ChoiceField(choices=QuotaRequest.Status.choices, required=False)
    unit = serializers.ChoiceField(choices=Budget.Unit.choices, required=False)


class TextIn(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=5000)


class RequestDecisionIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class RequestApprovalIn(RequestDecisionIn):
    expected_digest = serializers.RegexField(
        r"^[0-9a-f]{64}$",
        help_text="The request's `digest` as you saw it: refused when anything of it has changed since.",
    )
    amount = AmountField(default=None, help_text="A part of what was asked for; left out: all of it.")
    until = serializers.DateField(
        default=None, help_text="Of `dates` and `standing`: the first day on which the former amount holds again."
    )
    models = serializers.ListField(
        child=serializers.CharField(max_length=200), max_length=20, default=list,
        help_text="What it is given for: told to who asked, and on record. A guardrail holds it, not the ledger.",
    )  # fmt: skip


class QuotaRequestEntryOut(serializers.ModelSerializer[QuotaRequestEntry]):
    by = serializers.CharField(source="by.email", default=None, allow_null=True)

    class Meta:
        model = QuotaRequestEntry
        fields = ("kind", "text", "by", "at")
        read_only_fields = fields


class AgreementOut(serializers.ModelSerializer[Agreement]):
    by = serializers.CharField(source="by.email")
    instead_of = serializers.CharField(
        source="instead_of.email", default=None, allow_null=True, help_text="Who had handed their approvals to them."
    )
    amount = AmountField()
    models = serializers.ListField(source="for_models", child=serializers.CharField())

    class Meta:
        model = Agreement
        fields = ("by", "instead_of", "at", "rule", "step", "amount", "until", "models", "reason")
        read_only_fields = fields


class StepOut(serializers.Serializer[StepShown]):
    step = serializers.IntegerField(source="number")
    who = serializers.CharField(help_text="Whose agreement it wants.")
    people = serializers.IntegerField(help_text="How many different ones.")
    agreed = serializers.ListField(child=serializers.CharField(), help_text="Who has, as things are now.")
    is_next = serializers.BooleanField()
    may_agree = serializers.ListField(child=serializers.CharField(), help_text="Where it is next: who may now.")


class QuotaRequestOut(serializers.ModelSerializer[QuotaRequest]):
    scope = serializers.CharField(source="scope.path")
    amount = AmountField()
    outcome_value = AmountField(allow_null=True)
    estimate = AmountField(allow_null=True)
    granted = AmountField(allow_null=True, help_text="In whole or in part.")
    taken_back = AmountField(allow_null=True, help_text="Of a disputed emergency grant: what was left of it.")
    granted_until = serializers.DateField(allow_null=True)
    models = serializers.ListField(source="for_models", child=serializers.CharField())
    requested_by = serializers.CharField(source="requested_by.email")
    decided_by = serializers.CharField(source="decided_by.email", default=None, allow_null=True)
    raises = serializers.SerializerMethodField(
        help_text="Scope of the budget that it raises; null where one would be made, or is not there any more."
    )
    digest = serializers.SerializerMethodField(help_text="Of the whole request: who approves it sends it back.")
    rule = serializers.SerializerMethodField(
        help_text="Of the organisation's approval rules the one that holds; null: none does, or it is decided."
    )
    steps = serializers.SerializerMethodField(
        help_text="Who must agree, in this order, while it waits; empty: one person with the right to approve budgets."
    )
    agreements = AgreementOut(many=True, help_text="All that were given, first to last.")
    thread = QuotaRequestEntryOut(many=True, help_text="What was said, first to last.")

    class Meta:
        model = QuotaRequest
        fields = (
            *("id", "scope", "unit", "currency", "amount", "term", "period", "starts_on", "ends_on", "justification"),
            *("expected_outcome", "outcome_value", "link", "estimate", "status", "requested_by", "created_at"),
            *("submitted_at", "decide_by", "decided_by", "decided_at", "decision_reason", "granted", "granted_until"),
            "taken_back",
            *("models", "raises", "digest", "rule", "steps", "agreements", "thread"),
        )
        read_only_fields = fields

    def _budget(self, request: QuotaRequest) -> Budget | None:
        budgets: Mapping[int, Budget] = self.context["budgets"]
        return budgets.get(request.pk)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_raises(self, request: QuotaRequest) -> str | None:
        budget = request.budget or self._budget(request)
        return budget.scope.path if budget is not None else None

    def get_digest(self, request: QuotaRequest) -> str:
        return request.digest or request_digest(request, self._budget(request))

    def _case(self, request: QuotaRequest) -> ApprovalCase | None:
        cases: Mapping[int, ApprovalCase] = self.context["cases"]
        return cases.get(request.pk)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_rule(self, request: QuotaRequest) -> str | None:
        case = self._case(request)
        return case.rule or None if case is not None else None

    @extend_schema_field(StepOut(many=True))
    def get_steps(self, request: QuotaRequest) -> Any:
        case = self._case(request)
        steps = list(steps_shown(case)) if case is not None else []
        return [StepOut(step).data for step in steps]
