"""Unit economics over REST: every figure with its parts, its accepted unit cost and a link to its records."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.meters.api import SUM_DIGITS
from allocation.unit_economics.engine.unit_economics import Ratio
from allocation.unit_economics.engine.unit_words import filters_of, words_of
from allocation.unit_economics.queries import UNATTRIBUTED, Figure, UnitEconomics, unit_economics
from governance.calendar.engine import DAY, day_of, first_of_month
from governance.rest.api import DayParameters, actor, requires, scope_asked

# By source: the list of its records, and the parameters for the first day and the day after the last.
SOURCES: Mapping[str, tuple[str, str, str]] = {
    "usage": ("usage", "since", "until"),
    "tasks": ("tasks", "from", "to"),
    "outcomes": ("outcomes", "from", "to"),
}


class UnitEconomicsIn(DayParameters):
    scope = serializers.CharField(help_text="Path: the scope and all below it.")
    trend = serializers.ChoiceField(choices=["day", "week", "month"], default="month")


class RatioOut(serializers.Serializer[Any]):
    value = serializers.DecimalField(
        max_digits=SUM_DIGITS, decimal_places=9, allow_null=True, help_text="null: nothing stands below the line."
    )
    numerator = serializers.DecimalField(max_digits=SUM_DIGITS, decimal_places=9)
    denominator = serializers.DecimalField(max_digits=SUM_DIGITS, decimal_places=9)
    reason = serializers.CharField(help_text="Why there is no value; empty where there is one.")


PointOut = type(
    "PointOut",
    (RatioOut,),
    {"from": serializers.DateField(), "to": serializers.DateField(help_text="Not included.")},
)


class TargetOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    scope = serializers.CharField(help_text="Whose it is: this scope's or that of one above.")
    amount = serializers.DecimalField(max_digits=24, decimal_places=9)
    accepted_by = serializers.CharField()
    reason = serializers.CharField()
    effective_from = serializers.DateField()
    review_by = serializers.DateField(allow_null=True)


class FigureOut(RatioOut):
    unit = serializers.CharField()
    name = serializers.CharField(help_text="Of the outcome, action or activity; empty for all.")
    title = serializers.CharField()
    numerator_is = serializers.CharField()
    denominator_is = serializers.CharField()
    records = serializers.CharField(help_text="Where the records that made it are listed.")
    target = TargetOut(allow_null=True)
    deviation = serializers.DecimalField(
        max_digits=SUM_DIGITS, decimal_places=9, allow_null=True, help_text="(value − target) / target."
    )
    trend = PointOut(many=True)


class ReportedOutcomeOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    name = serializers.CharField()
    count = serializers.IntegerField()
    successful = serializers.IntegerField()
    flagged = serializers.IntegerField()
    value = serializers.DecimalField(max_digits=SUM_DIGITS, decimal_places=9)
    success_ratio = RatioOut()
    quality = RatioOut()


UnitEconomicsOut = type(
    "UnitEconomicsOut",
    (serializers.Serializer,),
    {
        "scope": serializers.CharField(),
        "from": serializers.DateField(),
        "to": serializers.DateField(help_text="Not included."),
        "currency": serializers.CharField(),
        "cost": serializers.DecimalField(max_digits=SUM_DIGITS, decimal_places=9),
        "unit_costs": FigureOut(many=True),
        "efficiency": FigureOut(many=True),
        "shares": FigureOut(many=True),
        "coverage": FigureOut(many=True),
        "outcomes": ReportedOutcomeOut(many=True),
    },
)


class UnitEconomicsOfScope(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="unit_economics", parameters=[UnitEconomicsIn], responses=UnitEconomicsOut)
    def get(self, request: Request) -> Response:
        """Cost per inference, tokens, task and outcome; the efficiency behind it; shares of cost; what is not known."""
        wanted = UnitEconomicsIn.of(request)
        scope_id = scope_asked(request, wanted["scope"])
        organisation = wanted["scope"].partition("/")[0]
        today = day_of(timezone.now())
        economics = unit_economics(
            scope_id=scope_id,
            since=wanted.get("from", first_of_month(today)),
            until=wanted.get("to", today + DAY),
            trend=wanted["trend"],
            beside=actor(request).sees(organisation),
        )
        return Response(UnitEconomicsOut(unit_economics_fields(economics)).data)


def unit_economics_fields(economics: UnitEconomics) -> dict[str, Any]:
    return {
        "scope": economics.scope.path,
        "from": economics.since,
        "to": economics.until,
        "currency": economics.scope.currency,
        "cost": economics.cost,
        **{
            part: [_figure(economics, figure) for figure in getattr(economics, part)]
            for part in ("unit_costs", "efficiency", "shares", "coverage")
        },
        "outcomes": [
            {
                "kind": outcome.kind,
                "name": outcome.name,
                "count": outcome.sums.count,
                "successful": outcome.sums.successful,
                "flagged": outcome.sums.flagged,
                "value": outcome.sums.value,
                "success_ratio": outcome.success,
                "quality": outcome.quality,
            }
            for outcome in economics.outcomes
        ],
    }


def _figure(economics: UnitEconomics, figure: Figure) -> dict[str, Any]:
    words, target = words_of(figure.measure), figure.target
    return {
        **_ratio(figure.ratio),
        "unit": figure.measure.key,
        "name": figure.measure.name,
        "title": words.title,
        "numerator_is": words.numerator,
        "denominator_is": words.denominator,
        "records": records_url(economics, figure, economics.since, economics.until),
        "deviation": figure.deviation,
        "target": None
        if target is None
        else {
            "id": target.pk,
            "scope": target.scope.path,
            "amount": target.amount,
            "accepted_by": target.accepted_by_label,
            "reason": target.reason,
            "effective_from": target.effective_from,
            "review_by": target.review_by,
        },
        "trend": [
            {**_ratio(ratio), "from": since, "to": until}
            for (since, until), ratio in zip(economics.trend_periods, figure.trend, strict=False)
        ],
    }


def _ratio(ratio: Ratio) -> dict[str, Any]:
    return {name: getattr(ratio, name) for name in ("value", "numerator", "denominator", "reason")}


def records_url(economics: UnitEconomics, figure: Figure, since: date, until: date) -> str:
    """Address of the list of records, narrowed to those of the figure."""
    name, first, end = SOURCES[words_of(figure.measure).source]
    is_unattributed = figure.measure == UNATTRIBUTED
    scope = f"{economics.scope.path.partition('/')[0]}/unattributed" if is_unattributed else economics.scope.path
    days = {first: since.isoformat(), end: until.isoformat()}
    if name == "usage":
        days = {each: f"{day}T00:00:00Z" for each, day in days.items()}
    return f"{reverse(name)}?{urlencode({'scope': scope, **days, **filters_of(figure.measure)})}"
