"""What an approver needs beside a request, over the API."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.meters.api import SUM_DIGITS
from budgets.plans.api import AmountField
from budgets.requests.api.limits import LimitOut
from budgets.requests.models import QuotaRequest
from budgets.requests.queries import Beside, beside
from governance.rest.api import Parameters, actor, requires, row_asked


def _money(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=SUM_DIGITS, decimal_places=9, normalize_output=True, **options)


class UnitCostOut(serializers.Serializer[Any]):
    title = serializers.CharField()
    cost = _money(allow_null=True, help_text="Of one; null where there was none.")
    accepted = _money(allow_null=True)
    deviation = _money(allow_null=True, help_text="(cost - accepted) / accepted")


class AchievedOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    count = serializers.IntegerField()
    successful = serializers.IntegerField()
    value = _money(help_text="What they were said to be worth, in all.")


class AboveOut(serializers.Serializer[Any]):
    scope = serializers.CharField(source="account.scope.path")
    available = AmountField(help_text="Neither used there nor granted on.")


class BeforeOut(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="request.pk")
    status = serializers.CharField(source="request.status")
    decided_at = serializers.DateTimeField(source="request.decided_at")
    amount = AmountField(source="request.amount")
    granted = AmountField(source="request.granted", allow_null=True)
    decision_reason = serializers.CharField(source="request.decision_reason")
    expected_outcome = serializers.CharField(source="request.expected_outcome")
    until = serializers.DateField(help_text="The end of what it was for, or now.")
    used = AmountField(help_text="From the decision until then.")
    achieved = AchievedOut(many=True)


class RequestFactsOut(serializers.Serializer[Beside]):
    limit = serializers.SerializerMethodField(help_text="The budget that it raises; null where one would be made.")
    above = AboveOut(allow_null=True, help_text="Where the money comes from; null: from nowhere, or not yours to see.")
    is_topmost = serializers.BooleanField(help_text="No budget lies above: money comes from nowhere.")
    since = serializers.DateField()
    until = serializers.DateField(help_text="Not included.")
    cost = _money(help_text="Of the scope with all below it, in these days; as are the following.")
    tasks = serializers.IntegerField()
    unit_costs = UnitCostOut(many=True, help_text="Those that have been accepted, and a task's.")
    achieved = AchievedOut(many=True)
    before = BeforeOut(allow_null=True, help_text="The team's last request that was decided, and what came of it.")

    @extend_schema_field(LimitOut(allow_null=True))
    def get_limit(self, facts: Beside) -> Any:
        return LimitOut(facts.limit, context=self.context).data if facts.limit is not None else None


@extend_schema(tags=["budgets"])
class QuotaRequestFacts(APIView):
    permission_classes = (requires("budgets:read"),)

    @extend_schema(responses=RequestFactsOut)
    def get(self, request: Request, request_id: int) -> Response:
        """What there is to decide by, as of now: the budget with its forecast, what the one above has left, unit costs
        against those accepted, tasks and outcomes of 30 days, and what came of the last request.
        """
        Parameters.of(request)
        by = actor(request)
        visible = QuotaRequest.objects.visible_to(by).select_related("scope", "budget")
        found = row_asked(visible, "quota request", code="request_unknown", pk=request_id)
        facts = beside(found, actor=by, at=timezone.now())
        return Response(RequestFactsOut(facts, context={"path": found.scope.path}).data)
