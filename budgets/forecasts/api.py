"""Forecasts over REST: what is expected of a scope, and how far to trust it."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from budgets.forecasts.models import Forecast
from budgets.plans.api import AmountField
from budgets.plans.models import Unit
from governance.rest.api import ScopeParameters, actor, narrowed, pages_by, requires


class ForecastFilterIn(ScopeParameters):
    unit = serializers.ChoiceField(choices=Unit.choices, required=False)


class ForecastOut(serializers.ModelSerializer[Forecast]):
    scope = serializers.CharField(source="scope.path")
    booked = AmountField(help_text="Used of it before `made_on`.")
    low = AmountField(allow_null=True, help_text="The whole, booked included: below it in 10 of 100 cases.")
    mid = AmountField(allow_null=True, help_text="Below it in 50 of 100 cases.")
    high = AmountField(allow_null=True, help_text="Below it in 90 of 100 cases.")
    budgeted = AmountField(allow_null=True, help_text="The scope's own budget of these days.")
    models = serializers.JSONField(source="weights", help_text="The share of each model.")
    path = serializers.SerializerMethodField(
        help_text="[low, mid, high] of the running total after each day from `made_on` on; empty for months to come."
    )

    class Meta:
        model = Forecast
        fields = (
            "scope", "unit", "currency", "made_on", "made_at", "starts_on", "ends_on", "booked", "low", "mid", "high",
            "reason", "budgeted", "exhausted_early", "exhausted_mid", "exhausted_late", "words", "models", "own_errors",
            "looked_back", "wape", "naive_wape", "crps_ratio", "coverage", "path",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.ListField(child=serializers.CharField())))
    def get_path(self, forecast: Forecast) -> list[list[str]]:
        return list(forecast.path)


class Forecasts(ListAPIView[Forecast]):
    serializer_class = ForecastOut
    pagination_class = pages_by("id")
    permission_classes = (requires("budgets:read"),)
    queryset = Forecast.objects.none()

    def get_queryset(self) -> QuerySet[Forecast]:
        wanted = ForecastFilterIn.of(self.request)
        path = wanted.pop("scope", None)
        rows = Forecast.objects.visible_to(actor(self.request)).made_last().filter(**wanted).select_related("scope")
        return narrowed(rows, self.request, path)

    @extend_schema(tags=["budgets"], parameters=[ForecastFilterIn], responses=ForecastOut(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The latest of each scope and unit: the rest of its budget's period, or of the month, and three months. Null
        with a `reason` where too little is known.
        """
        return super().get(request, *args, **kwargs)
