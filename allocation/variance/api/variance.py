"""What moved: the variance of one scope by model, and all scopes ranked by their change."""

from datetime import UTC
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.usage.api.links import records_link
from allocation.variance import queries
from allocation.variance.api.ranking import ranking_page
from allocation.variance.engine.drivers import Driver
from allocation.variance.engine.figures import PARTS, TOKEN, ModelVariance, Variance
from allocation.variance.engine.periods import ComparedPeriod, ComparedPeriods
from allocation.variance.engine.words import effect_steps, sentences
from allocation.variance.queries import ScopeVariance, money_of
from governance.rest.api import CURSOR, LIMIT, DayParameters, actor, requires, scope_asked

MILLION = 1_000_000
UNIT_PRICE_PART = Decimal("1e-9")
MONEY: dict[str, Any] = {"max_digits": 40, "decimal_places": 9}


class PeriodsIn(DayParameters):
    day_help: ClassVar = {
        "from": "First UTC day; default: of the last whole month.",
        "to": "UTC day after the last.",
        "against_from": "Default: the month before a month, else as many days right before.",
        "against_to": "UTC day after the last.",
    }


class MovementIn(PeriodsIn):
    scope = serializers.CharField(help_text="Path: the scope with all below it.")
    driver = serializers.ChoiceField(
        choices=[driver.value for driver in Driver],
        required=False,
        help_text="What volume is counted in; default: tasks where they cover the use, else requests.",
    )


class RankingIn(PeriodsIn):
    scope = serializers.CharField(required=False, help_text="Path: only the scope and those below it.")


class EffectOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    amount = serializers.DecimalField(**MONEY)


class MixOut(serializers.Serializer[Any]):
    shifted = serializers.DecimalField(**MONEY, help_text="Between models used in both periods.")
    kinds = serializers.DecimalField(**MONEY, help_text="Within models: input, cached, output and so on.")


class SideOut(serializers.Serializer[Any]):
    cost = serializers.DecimalField(**MONEY)
    tokens = serializers.IntegerField()
    gpu_hours = serializers.DecimalField(max_digits=40, decimal_places=9)
    records = serializers.URLField(help_text="The usage records of this figure.")


class ModelSideOut(SideOut):
    cost_per_million_tokens = serializers.DecimalField(**MONEY, allow_null=True)


class ComparedPeriodOut(SideOut):
    first_day = serializers.DateField()
    last_day = serializers.DateField()
    days = serializers.IntegerField()
    tasks = serializers.IntegerField()
    requests = serializers.IntegerField(help_text="Without failed ones.")
    unpriced_requests = serializers.IntegerField(help_text="Without a price, so no part of the cost.")
    unpriced_tokens = serializers.IntegerField()


class ModelOut(serializers.Serializer[Any]):
    provider = serializers.CharField()
    model = serializers.CharField()
    status = serializers.ChoiceField(choices=["kept", "entered", "left", "adjusted"])
    before = ModelSideOut()
    after = ModelSideOut()
    change = serializers.DecimalField(**MONEY, help_text="The sum of the eight that follow.")
    volume = serializers.DecimalField(**MONEY)
    intensity = serializers.DecimalField(**MONEY)
    mix = serializers.DecimalField(**MONEY)
    price = serializers.DecimalField(**MONEY)
    exchange = serializers.DecimalField(**MONEY, help_text="Of exchange rates.")
    new = serializers.DecimalField(**MONEY, help_text="Not used before, by scope and model.")
    ended = serializers.DecimalField(**MONEY, help_text="Not used any more.")
    adjustments = serializers.DecimalField(**MONEY)
    kind_mix = serializers.DecimalField(**MONEY, help_text="What of mix comes from other kinds of use.")


class MovementOut(serializers.Serializer[Any]):
    scope = serializers.CharField()
    currency = serializers.CharField()
    method = serializers.CharField()
    before = ComparedPeriodOut()
    after = ComparedPeriodOut()
    change = serializers.DecimalField(**MONEY, help_text="The sum of the effects, to the last place.")
    driver = serializers.ChoiceField(choices=[driver.value for driver in Driver])
    driver_reason = serializers.CharField()
    effects = EffectOut(many=True)
    mix = MixOut()
    price_index = serializers.DecimalField(max_digits=20, decimal_places=9, allow_null=True, help_text="Fisher's.")
    rebound_ratio = serializers.DecimalField(
        max_digits=40,
        decimal_places=4,
        allow_null=True,
        help_text="Of models whose price fell in a scope: what more use of them there cost / what that saved.",
    )
    is_jevons = serializers.BooleanField(
        help_text="The price of a model fell in a scope, and more use of it there cost more than that saved."
    )
    elasticity = serializers.DecimalField(
        max_digits=40, decimal_places=4, allow_null=True, help_text="Observed, of tokens; says nothing of causes."
    )
    note = serializers.CharField(help_text="How a period that still runs is compared; else empty.")
    summary = serializers.ListField(child=serializers.CharField())
    models = ModelOut(many=True)


class RankedOut(serializers.Serializer[Any]):
    scope = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    status = serializers.ChoiceField(choices=["kept", "new", "gone", "idle"])
    cost_before = serializers.DecimalField(**MONEY)
    cost_after = serializers.DecimalField(**MONEY)
    change = serializers.DecimalField(**MONEY)
    volume = serializers.DecimalField(**MONEY)
    intensity = serializers.DecimalField(**MONEY)
    mix = serializers.DecimalField(**MONEY)
    price = serializers.DecimalField(**MONEY)
    exchange = serializers.DecimalField(**MONEY, help_text="Of exchange rates.")
    new = serializers.DecimalField(**MONEY, help_text="Not used before, by scope and model.")
    ended = serializers.DecimalField(**MONEY, help_text="Not used any more.")
    adjustments = serializers.DecimalField(**MONEY)
    driver = serializers.ChoiceField(choices=[driver.value for driver in Driver])
    rebound_ratio = serializers.DecimalField(max_digits=40, decimal_places=4, allow_null=True)
    is_jevons = serializers.BooleanField()
    movement = serializers.URLField(help_text="The same by model.")
    records_before = serializers.URLField()
    records_after = serializers.URLField()


class RankingOut(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = RankedOut(many=True)


class VarianceOfScope(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="movement", parameters=[MovementIn], responses=MovementOut)
    def get(self, request: Request) -> Response:
        """Why the cost of a scope changed between two periods: what is new or ended, volume, use per activity, mix,
        price, exchange rates. The effects sum to the change exactly, and those of the scopes below to those of the
        scope. A period that still runs is compared with as many days.
        """
        wanted = MovementIn.of(request)
        scope_id = scope_asked(request, wanted["scope"])
        periods = _periods(wanted)
        driver = Driver(wanted["driver"]) if "driver" in wanted else None
        compared = queries.scope_variance(scope_id=scope_id, periods=periods, driver=driver)
        return Response(MovementOut(_variance(request, compared, periods)).data)


class VariancesOfScopes(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="movement_scopes", parameters=[RankingIn, CURSOR, LIMIT], responses=RankingOut)
    def get(self, request: Request) -> Response:
        """Every scope with use in either period, each with all below it; the largest change first."""
        wanted = RankingIn.of(request)
        periods = _periods(wanted)
        rows = queries.scope_variances(
            actor=actor(request), scope_id=scope_asked(request, wanted.get("scope")), periods=periods
        )
        page, links = ranking_page(request, rows, key=_key)
        return Response(RankingOut({**links, "results": [_ranked(request, row, periods) for row in page]}).data)


def _periods(wanted: dict[str, Any]) -> ComparedPeriods:
    return queries.compared_periods(
        since=wanted.get("from"),
        until=wanted.get("to"),
        against_since=wanted.get("against_from"),
        against_until=wanted.get("against_to"),
        today=timezone.now().astimezone(UTC).date(),
    )


def _key(row: ScopeVariance) -> tuple[int, str]:
    return -abs(row.variance.change), row.path


def _variance(request: Request, compared: ScopeVariance, periods: ComparedPeriods) -> dict[str, Any]:
    variance = compared.variance

    def period_figures(side: int, period: ComparedPeriod) -> dict[str, Any]:
        return {
            **_side(variance, side),
            "records": records_link(request, scope=compared.path, since=period.since, until=period.until),
            "first_day": period.since,
            "last_day": period.last_day,
            "days": period.days,
            "tasks": variance.activity.tasks[side],
            "requests": variance.activity.requests[side],
            "unpriced_requests": compared.unpriced_requests[side],
            "unpriced_tokens": compared.unpriced_tokens[side],
        }

    return {
        "scope": compared.path,
        "currency": compared.currency,
        "method": variance.method,
        "before": period_figures(0, periods.before),
        "after": period_figures(1, periods.after),
        "change": money_of(variance.change),
        "driver": variance.driver.value,
        "driver_reason": variance.driver_reason,
        "effects": [
            {"name": step.name, "title": step.title, "amount": money_of(step.amount)} for step in effect_steps(variance)
        ],
        "mix": {
            "shifted": money_of(variance.effects.mix - variance.kind_mix),
            "kinds": money_of(variance.kind_mix),
        },
        "price_index": variance.price_index,
        "rebound_ratio": variance.rebound_ratio,
        "is_jevons": variance.is_jevons,
        "elasticity": variance.elasticity,
        "note": periods.note,
        "summary": sentences(variance, compared.currency, periods.note),
        "models": [_model(request, compared.path, model, periods) for model in variance.models],
    }


def _side(variance: Variance | ModelVariance, side: int) -> dict[str, Any]:
    tokens = variance.used.get(TOKEN, (0, 0))[side]
    hours = Decimal(variance.used.get("gpu_hour", (0, 0))[side]) / PARTS["gpu_hour"]
    return {"cost": money_of(variance.cost[side]), "tokens": tokens, "gpu_hours": hours}


def _model(request: Request, path: str, model: ModelVariance, periods: ComparedPeriods) -> dict[str, Any]:
    def period_figures(side: int, period: ComparedPeriod) -> dict[str, Any]:
        figures = _side(model, side)
        token_cost = sum(line.cost[side] for line in model.lines if line.unit == TOKEN)
        per_million = money_of(token_cost) * MILLION / figures["tokens"] if figures["tokens"] else None
        records = records_link(
            request, scope=path, since=period.since, until=period.until, provider=model.provider, model=model.model
        )
        rounded = per_million.quantize(UNIT_PRICE_PART) if per_million is not None else None
        return {**figures, "cost_per_million_tokens": rounded, "records": records}

    return {
        "provider": model.provider,
        "model": model.model,
        "status": model.status,
        "before": period_figures(0, periods.before),
        "after": period_figures(1, periods.after),
        "change": money_of(model.change),
        **{name: money_of(part) for name, part in model.effects._asdict().items()},
        "kind_mix": money_of(model.kind_mix),
    }


def _ranked(request: Request, row: ScopeVariance, periods: ComparedPeriods) -> dict[str, Any]:
    variance, before, after = row.variance, periods.before, periods.after
    query = {
        "scope": row.path, "from": after.since, "to": after.until, "against_from": before.since,
        "against_to": before.until,
    }  # fmt: skip
    return {
        "scope": row.path,
        "name": row.name,
        "currency": row.currency,
        "status": variance.status,
        "cost_before": money_of(variance.cost[0]),
        "cost_after": money_of(variance.cost[1]),
        "change": money_of(variance.change),
        **{name: money_of(part) for name, part in variance.effects._asdict().items()},
        "driver": variance.driver.value,
        "rebound_ratio": variance.rebound_ratio,
        "is_jevons": variance.is_jevons,
        "movement": request.build_absolute_uri(f"{reverse('movement')}?{urlencode(query)}"),
        "records_before": records_link(request, scope=row.path, since=before.since, until=before.until),
        "records_after": records_link(request, scope=row.path, since=after.since, until=after.until),
    }
