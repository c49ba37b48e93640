"""What limits the holder of a key, or a person: limit, used, what is left, until when, and how to ask for more."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from budgets.forecasts.models import Forecast
from budgets.plans.api import AmountField
from budgets.plans.models import Budget
from budgets.requests.engine.words import limit_in_words
from budgets.requests.models import QuotaRequest
from budgets.requests.queries import Limit, limits_of
from budgets.reservations.api.bounds import OvershootBoundOut, bound_shown
from governance.people.queries import visible_scope_paths
from governance.rest.api import ScopeParameters, actor, pages_by, requires, visible_scope
from governance.scopes.models import Scope

ASK = "/api/v1/quota-requests"


class LimitFilterIn(ScopeParameters):
    scope = serializers.CharField(required=False, help_text="Path: this scope alone. Left out: the caller's own.")
    unit = serializers.ChoiceField(choices=Budget.Unit.choices, required=False)


class LimitForecastOut(serializers.ModelSerializer[Forecast]):
    low = AmountField(allow_null=True, help_text="Of the whole period: below it in 10 of 100 cases.")
    mid = AmountField(allow_null=True)
    high = AmountField(allow_null=True, help_text="Below it in 90 of 100 cases.")
    budgeted = AmountField(allow_null=True, help_text="The budget when it was made, of which `exhausted_mid` is.")

    class Meta:
        model = Forecast
        fields = ("made_on", "low", "mid", "high", "budgeted", "exhausted_mid", "words", "reason")
        read_only_fields = fields


class HowToAskOut(serializers.Serializer[Any]):
    method = serializers.CharField()
    path = serializers.CharField()
    body = serializers.DictField(child=serializers.CharField(), help_text="Fill in `amount` and `justification`.")


class LimitOut(serializers.Serializer[Limit]):
    unit = serializers.CharField(source="budget.unit")
    currency = serializers.CharField(source="budget.currency", allow_blank=True)
    budget_scope = serializers.CharField(source="budget.scope.path", help_text="Whose budget it is.")
    is_charged = serializers.BooleanField(help_text="The scope's use comes out of it, not out of one below it.")
    limit = AmountField(source="facts.amount", default=None, allow_null=True, help_text="Null: not yours to see.")
    used = AmountField(source="facts.used", default=None, allow_null=True, help_text="With what budgets below used.")
    held = serializers.SerializerMethodField(help_text="Reserved, not yet spent.")
    available = AmountField(source="facts.available", default=None, allow_null=True, help_text="Left to spend here.")
    overshoot_bound = serializers.SerializerMethodField(
        help_text="What may be used beyond what is recorded. Null: not yours to see, or nothing was used yet."
    )
    resets_at = serializers.DateTimeField(help_text="When the next period begins.")
    forecast = LimitForecastOut(allow_null=True, help_text="Of this period; null where none was made since yesterday.")
    owners = serializers.ListField(child=serializers.CharField(), help_text="Who owns the budget's scope.")
    decided_by = serializers.ListField(source="deciders", child=serializers.CharField(), help_text="Who may give more.")
    open_requests = serializers.ListField(
        source="waiting", child=serializers.IntegerField(), help_text="Of this scope, in this unit, not decided yet."
    )
    ask = serializers.SerializerMethodField(help_text="How to ask for more for this period.")
    words = serializers.SerializerMethodField(help_text="All of it in a sentence.")

    @extend_schema_field(AmountField(allow_null=True))
    def get_held(self, limit: Limit) -> str | None:
        shown: str | None = AmountField().to_representation(limit.held) if limit.facts is not None else None
        return shown

    @extend_schema_field(OvershootBoundOut(allow_null=True))
    def get_overshoot_bound(self, limit: Limit) -> Any:
        return bound_shown(limit.bound)

    @extend_schema_field(HowToAskOut)
    def get_ask(self, limit: Limit) -> Mapping[str, Any]:
        body = {
            "scope": self.context["path"], "unit": limit.budget.unit, "term": QuotaRequest.Term.PERIOD.value,
            "amount": "", "justification": "",
        }  # fmt: skip
        return {"method": "POST", "path": ASK, "body": body}

    def get_words(self, limit: Limit) -> str:
        facts = limit.facts
        return limit_in_words(
            limit.budget.scope.path, limit.budget.unit, limit.budget.currency, limit.resets_at, limit.deciders,
            amounts=(facts.used, facts.amount, facts.available) if facts is not None else None,
        )  # fmt: skip


class MyLimitsOut(serializers.ModelSerializer[Scope]):
    scope = serializers.CharField(source="path")
    limits = serializers.SerializerMethodField()

    class Meta:
        model = Scope
        fields = ("scope", "limits")
        read_only_fields = fields

    @extend_schema_field(LimitOut(many=True))
    def get_limits(self, scope: Scope) -> Any:
        limits: Mapping[int, list[Limit]] = self.context["limits"]
        return [LimitOut(limit, context={"path": scope.path}).data for limit in limits.get(scope.pk, [])]


class MyLimits(ListAPIView[Scope]):
    serializer_class = MyLimitsOut
    pagination_class = pages_by("path")
    permission_classes = (requires("budgets:read"),)
    queryset = Scope.objects.none()

    def get_queryset(self) -> QuerySet[Scope]:
        wanted = LimitFilterIn.of(self.request)
        self.unit: str | None = wanted.get("unit")
        self.by = actor(self.request)
        if "scope" in wanted:
            return Scope.objects.filter(pk=visible_scope(self.request, wanted["scope"]).pk)
        return Scope.objects.filter(path__in=visible_scope_paths(self.by))

    def paginate_queryset(self, queryset: Any) -> Any:
        self.on_page = super().paginate_queryset(queryset) or []
        return self.on_page

    def get_serializer_context(self) -> dict[str, Any]:
        shown = [scope.pk for scope in getattr(self, "on_page", [])]
        limits = limits_of(shown, actor=self.by, at=timezone.now(), unit=self.unit) if shown else {}
        return {**super().get_serializer_context(), "limits": limits}

    @extend_schema(tags=["budgets"], parameters=[LimitFilterIn], responses=MyLimitsOut(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What limits the key's scope, or each of the person's, in every unit: the budget that its use is charged to,
        and those above it. Of a budget above what the caller may see no amounts are told.
        """
        return super().get(request, *args, **kwargs)
