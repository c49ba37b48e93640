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
from allocation.variance.api.ranking import ranked_page
from allocation.variance.engine.drivers import Driver
from allocation.variance.engine.periods import Period, Periods
from allocation.variance.engine.variance import PARTS, TOKEN, ModelVariance, Variance
from allocation.variance.engine.words import sentences, steps
from allocation.variance.queries import ScopeVariance, money_of
from governance.rest.api import DayParameters, actor, requires, scope_asked

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
    entered = serializers.DecimalField(**MONEY, help_text="Models without use before.")
    left = serializers.DecimalField(**MONEY, help_text="Models without use after.")
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
    change = serializers.DecimalField(**MONEY, help_text="The sum of the five that follow.")
    volume = serializers.DecimalField(**MONEY)
    intensity = serializers.DecimalField(**MONEY)
    mix = serializers.DecimalField(**MONEY)
    price = serializers.DecimalField(**MONEY)
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
        max_digits=40, decimal_places=4, allow_null=True, help_text="(volume + use per activity) / |price|"
    )
    is_jevons = serializers.BooleanField(help_text="Prices fell and more use took more than that.")
    elasticity = serializers.DecimalField(
        max_digits=40, decimal_places=4, allow_null=True, help_text="Observed, of tokens; says nothing of causes."
    )
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


class ScopeMoved(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="movement", parameters=[MovementIn], responses=MovementOut)
    def get(self, request: Request) -> Response:
        """Why the cost of a scope changed between two periods: volume, use per activity, mix, price. The effects sum
        to the change exactly, and swapping the periods negates them.
        """
        wanted = MovementIn.of(request)
        scope_id = scope_asked(request, wanted["scope"])
        periods = _periods(wanted)
        driver = Driver(wanted["driver"]) if "driver" in wanted else None
        found = queries.scope_variance(scope_id=scope_id, periods=periods, driver=driver)
        return Response(MovementOut(_told(request, found, periods)).data)


class ScopesMoved(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="movement_scopes", parameters=[RankingIn], responses=RankingOut)
    def get(self, request: Request) -> Response:
        """Every scope with use in either period, each with all below it; the largest change first."""
        wanted = RankingIn.of(request)
        periods = _periods(wanted)
        rows = queries.scope_variances(
            actor=actor(request), scope_id=scope_asked(request, wanted.get("scope")), periods=periods
        )
        page, links = ranked_page(request, rows, key=_key)
        return Response(RankingOut({**links, "results": [_ranked(request, one, periods) for one in page]}).data)


def _periods(wanted: dict[str, Any]) -> Periods:
    return queries.periods_asked(
        since=wanted.get("from"),
        until=wanted.get("to"),
        against_since=wanted.get("against_from"),
        against_until=wanted.get("against_to"),
        today=timezone.now().astimezone(UTC).date(),
    )


def _key(row: ScopeVariance) -> tuple[int, str]:
    return -abs(row.variance.change), row.path


def _told(request: Request, found: ScopeVariance, periods: Periods) -> dict[str, Any]:
    moved = found.variance

    def side(of: int, period: Period) -> dict[str, Any]:
        return {
            **_side(moved, of),
            "records": records_link(request, scope=found.path, since=period.since, until=period.until),
            "first_day": period.since,
            "last_day": period.last_day,
            "days": period.days,
            "tasks": moved.activity.tasks[of],
            "requests": moved.activity.requests[of],
            "unpriced_requests": found.unpriced_requests[of],
            "unpriced_tokens": found.unpriced_tokens[of],
        }

    return {
        "scope": found.path,
        "currency": found.currency,
        "method": moved.method,
        "before": side(0, periods.before),
        "after": side(1, periods.after),
        "change": money_of(moved.change),
        "driver": moved.driver.value,
        "driver_reason": moved.driver_reason,
        "effects": [{"name": one.name, "title": one.title, "amount": money_of(one.amount)} for one in steps(moved)],
        "mix": {
            "entered": money_of(moved.mix_of("entered")),
            "left": money_of(moved.mix_of("left")),
            "shifted": money_of(moved.mix_of("kept")),
            "kinds": money_of(moved.kind_mix),
        },
        "price_index": moved.price_index,
        "rebound_ratio": moved.rebound_ratio,
        "is_jevons": moved.is_jevons,
        "elasticity": moved.elasticity,
        "summary": sentences(moved, found.currency),
        "models": [_model(request, found.path, one, periods) for one in moved.models],
    }


def _side(moved: Variance | ModelVariance, of: int) -> dict[str, Any]:
    tokens = moved.used.get(TOKEN, (0, 0))[of]
    hours = Decimal(moved.used.get("gpu_hour", (0, 0))[of]) / PARTS["gpu_hour"]
    return {"cost": money_of(moved.cost[of]), "tokens": tokens, "gpu_hours": hours}


def _model(request: Request, path: str, one: ModelVariance, periods: Periods) -> dict[str, Any]:
    def side(of: int, period: Period) -> dict[str, Any]:
        shown = _side(one, of)
        of_tokens = sum(line.cost[of] for line in one.lines if line.unit == TOKEN)
        per = money_of(of_tokens) * MILLION / shown["tokens"] if shown["tokens"] else None
        records = records_link(
            request, scope=path, since=period.since, until=period.until, provider=one.provider, model=one.model
        )
        rounded = per.quantize(UNIT_PRICE_PART) if per is not None else None
        return {**shown, "cost_per_million_tokens": rounded, "records": records}

    return {
        "provider": one.provider,
        "model": one.model,
        "status": one.status,
        "before": side(0, periods.before),
        "after": side(1, periods.after),
        "change": money_of(one.change),
        **{name: money_of(part) for name, part in one.effects._asdict().items()},
        "kind_mix": money_of(one.kind_mix),
    }


def _ranked(request: Request, one: ScopeVariance, periods: Periods) -> dict[str, Any]:
    moved, before, after = one.variance, periods.before, periods.after
    asked = {
        "scope": one.path, "from": after.since, "to": after.until, "against_from": before.since,
        "against_to": before.until,
    }  # fmt: skip
    return {
        "scope": one.path,
        "name": one.name,
        "currency": one.currency,
        "status": moved.status,
        "cost_before": money_of(moved.cost[0]),
        "cost_after": money_of(moved.cost[1]),
        "change": money_of(moved.change),
        **{name: money_of(part) for name, part in moved.effects._asdict().items()},
        "driver": moved.driver.value,
        "rebound_ratio": moved.rebound_ratio,
        "is_jevons": moved.is_jevons,
        "movement": request.build_absolute_uri(f"{reverse('movement')}?{urlencode(asked)}"),
        "records_before": records_link(request, scope=one.path, since=before.since, until=before.until),
        "records_after": records_link(request, scope=one.path, since=after.since, until=after.until),
    }
