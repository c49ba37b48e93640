"""Scenarios over REST."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from budgets.plans.api import AmountField
from budgets.scenarios.engine.assumptions import Assumptions, assumptions_of
from budgets.scenarios.errors import AssumptionInvalid
from budgets.scenarios.queries import scenario
from governance.rest.api import Parameters, requires, scope_asked

MayReadBudgets = requires("budgets:read")
DAYS_MAX = 366
ASSUMPTIONS_MAX = 50


def _stated(help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=300), default=list, max_length=ASSUMPTIONS_MAX, help_text=help_text
    )


class ScenarioIn(Parameters):
    scope = serializers.CharField(help_text="Path: the scope and all below it.")
    days = serializers.IntegerField(default=30, min_value=1, max_value=DAYS_MAX, help_text="The last whole UTC days.")
    prices = _stated("Per cent by which prices rise: `30`, or `openai=30` for one provider. May stand several times.")
    subsidies = _stated("Per cent of the long-run cost that a price leaves out today: `25`, or `openai=25`.")
    replace = _stated("A model and what does its work: `gpt-4o=anthropic/claude-haiku-4-5`.")
    tokens_per_task = serializers.CharField(default="1", max_length=20, help_text="A factor: `2` is twice as many.")


class ModelRepricedOut(serializers.Serializer[Any]):
    provider = serializers.CharField()
    model = serializers.CharField()
    by = serializers.CharField(help_text="What does its work; empty where it stays.")
    recorded = AmountField()
    repriced = AmountField()
    meters_without_price = serializers.ListField(child=serializers.CharField())


class ScenarioStepOut(serializers.Serializer[Any]):
    name = serializers.ChoiceField(choices=["replaced", "tokens", "prices", "subsidies"])
    amount = AmountField()


class ScenarioOut(serializers.Serializer[Any]):
    scope = serializers.CharField()
    currency = serializers.CharField()
    first_day = serializers.DateField()
    days = serializers.IntegerField()
    recorded = AmountField()
    repriced = AmountField()
    steps = ScenarioStepOut(many=True, help_text="One after the other; they sum to the change.")
    models = ModelRepricedOut(many=True)
    unpriced_requests = serializers.IntegerField(help_text="Without a price, so not in it.")
    sentences = serializers.ListField(child=serializers.CharField())


def stated(values: dict[str, Any]) -> Assumptions:
    """AssumptionInvalid, a sentence, for what is not written as it must be."""
    try:
        return assumptions_of(
            prices=values["prices"], subsidies=values["subsidies"], replaced=values["replace"],
            tokens=values["tokens_per_task"],
        )  # fmt: skip
    except ValueError as problem:
        raise AssumptionInvalid(f"{problem}."[:1].upper() + f"{problem}."[1:]) from None


class Scenarios(APIView):
    permission_classes = (requires("usage:read"),)

    @extend_schema(tags=["budgets"], parameters=[ScenarioIn], responses=ScenarioOut)
    def get(self, request: Request) -> Response:
        """What the recorded work of a scope would cost as assumed; nothing is stored. What its budget would have to be
        is said to who may read budgets.
        """
        values = ScenarioIn.of(request)
        scope_id = scope_asked(request, values["scope"])
        done = scenario(
            scope_id=scope_id, days=values["days"], assumed=stated(values), at=timezone.now(),
            with_budget=MayReadBudgets().has_permission(request, self),
        )  # fmt: skip
        shown = {
            "scope": done.path, "currency": done.currency, "first_day": done.since, "days": done.days,
            "recorded": done.repriced.recorded, "repriced": done.repriced.repriced,
            "steps": [{"name": name, "amount": amount} for name, amount in done.repriced.steps.items()],
            "models": done.repriced.models, "unpriced_requests": done.unpriced_requests,
            "sentences": done.sentences,
        }  # fmt: skip
        return Response(ScenarioOut(shown).data)
