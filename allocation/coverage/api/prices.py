"""Price coverage over HTTP: the share of usage that has a price, and what has none."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.coverage import queries
from governance.rest.api import ScopeParameters, actor, requires, scope_asked

DAYS_MAX = 92


class CoverageIn(ScopeParameters):
    since = serializers.DateTimeField(required=False, help_text="Thirty days before `until` without it.")
    until = serializers.DateTimeField(required=False, help_text="Not included; now without it.")

    def validate(self, attrs: dict[str, datetime]) -> dict[str, Any]:
        until = attrs.get("until", timezone.now())
        since = attrs.get("since", until - timedelta(days=30))
        if not timedelta(0) < until - since <= timedelta(days=DAYS_MAX):
            raise serializers.ValidationError({"since": [f"must lie before until, by {DAYS_MAX} days at most."]})
        return {**attrs, "since": since, "until": until}


class SourceOut(serializers.Serializer[Any]):
    price_source = serializers.CharField()
    requests = serializers.IntegerField()
    tokens = serializers.IntegerField()
    cost = serializers.DecimalField(max_digits=40, decimal_places=9)


class UnpricedOut(serializers.Serializer[Any]):
    provider = serializers.CharField()
    model = serializers.CharField()
    service_tier = serializers.CharField()
    requests = serializers.IntegerField()
    tokens = serializers.IntegerField()
    unmeasured_requests = serializers.IntegerField(
        help_text="Those of which nobody states what they used: no price would help."
    )


class PricedModelOut(serializers.Serializer[Any]):
    organisation = serializers.CharField()
    provider = serializers.CharField()
    model = serializers.CharField()
    service_tier = serializers.CharField()
    requests = serializers.IntegerField()
    partly_unpriced_requests = serializers.IntegerField(
        help_text="Their cost leaves out something that was counted and has no price."
    )
    tokens = serializers.IntegerField()
    cost = serializers.DecimalField(max_digits=40, decimal_places=9)
    entry_source = serializers.CharField(help_text="The price book, or genai-prices; empty: nothing prices it today.")
    entry = serializers.CharField(help_text="The entry of the book, or the catalogue's model, that prices it today.")
    matched = serializers.ChoiceField(
        choices=["exact", "alias", "pattern", ""], help_text="How the entry was found for the names of the calls."
    )


class PriceCoverageOut(serializers.Serializer[Any]):
    scopes = serializers.ListField(child=serializers.CharField(), help_text="The tops of what was looked at.")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    requests = serializers.IntegerField(source="coverage.requests", help_text="Without those that failed.")
    tokens = serializers.IntegerField(source="coverage.tokens")
    failed_requests = serializers.IntegerField(source="coverage.failed_requests")
    priced_requests_ratio = serializers.DecimalField(
        source="coverage.priced_requests_ratio", max_digits=5, decimal_places=4, allow_null=True
    )
    priced_tokens_ratio = serializers.DecimalField(
        source="coverage.priced_tokens_ratio", max_digits=5, decimal_places=4, allow_null=True
    )
    partly_unpriced_requests = serializers.IntegerField(source="coverage.partly_unpriced_requests")
    sources = SourceOut(source="coverage.sources", many=True, help_text="Who stated the prices, largest first.")
    unpriced = UnpricedOut(source="coverage.unpriced", many=True, help_text="What has no price, largest first.")
    models = PricedModelOut(source="coverage.models", many=True, help_text="What prices each model, largest first.")


class PriceCoverage(APIView):
    permission_classes = [requires("usage:read")]

    @extend_schema(operation_id="price_coverage", parameters=[CoverageIn], responses=PriceCoverageOut)
    def get(self, request: Request) -> Response:
        """The share of requests and tokens that has a price, by who stated it, and what has none."""
        wanted = CoverageIn.of(request)
        who = actor(request)
        span = {"since": wanted["since"], "until": wanted["until"]}
        coverage = queries.price_coverage(actor=who, scope_id=scope_asked(request, wanted.get("scope")), **span)
        tops = [wanted["scope"]] if "scope" in wanted else [] if who.sees_everything else list(who.visible_paths)
        return Response(PriceCoverageOut({"scopes": tops, **span, "coverage": coverage}).data)
