"""Charge lines over HTTP."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.usage.models import UsageCharge
from governance.rest.api import ScopeParameters, actor, listed, narrowed, requires


class ChargeOut(serializers.ModelSerializer[UsageCharge]):
    scope = serializers.CharField(source="scope.path")

    class Meta:
        model = UsageCharge
        fields = (
            "day", "scope", "provider", "model", "activity", "service_tier", "price_source", "price_version",
            "charge_class", "meter", "list_unit_price", "contracted_unit_price", "requests", "quantity", "list_cost",
            "contracted_cost", "effective_cost", "billed_cost",
        )  # fmt: skip
        read_only_fields = fields


class ChargeFilterIn(ScopeParameters):
    since = serializers.DateField(required=False, help_text="First UTC day.")
    until = serializers.DateField(required=False, help_text="UTC day after the last.")
    provider = serializers.CharField(required=False)
    model = serializers.CharField(required=False)
    meter = serializers.CharField(required=False)


@extend_schema(tags=["usage"])
class Charges(APIView):
    """What each meter cost on each day, in FOCUS's sense; `charge_class` Correction corrects a closed month."""

    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="charges_list", parameters=[ChargeFilterIn], responses=ChargeOut(many=True))
    def get(self, request: Request) -> Response:
        wanted = ChargeFilterIn.of(request)
        rows = UsageCharge.objects.visible_to(actor(request)).select_related("scope")
        rows = rows.filter(**{name: wanted[name] for name in ("provider", "model", "meter") if name in wanted})
        bounds = {"day__gte": wanted.get("since"), "day__lt": wanted.get("until")}
        rows = rows.filter(**{name: value for name, value in bounds.items() if value})
        rows = narrowed(rows, request, wanted.get("scope"))
        return listed(self, request, rows, ChargeOut, ordering=("-day", "-id"))
