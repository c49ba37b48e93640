"""Attribution coverage over HTTP, and the fields that the preview of a change shares with it."""

from datetime import UTC, date, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from allocation.attribution.queries import organisation_seen
from allocation.coverage import queries
from allocation.coverage.engine.coverage import AttributedShare, UsageTotals
from allocation.coverage.queries import OrganisationAttribution
from allocation.meters.api import SUM_DIGITS
from governance.calendar.engine import DAY, first_of_month, midnight
from governance.rest.api import Parameters, actor, requires

DAYS_MAX = 3700
SHOWN_MAX = 1000


class Amount(serializers.DecimalField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=SUM_DIGITS, decimal_places=9, **kwargs)


class Ratio(serializers.DecimalField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=SUM_DIGITS, decimal_places=6, allow_null=True, **kwargs)


class UsedOut(serializers.Serializer[UsageTotals]):
    records = serializers.IntegerField()
    requests = serializers.IntegerField()
    tokens = serializers.IntegerField()
    cost = Amount()


class AttributedShareOut(serializers.Serializer[AttributedShare]):
    cost = Amount(source="used.cost")
    attributed_cost = Amount(source="attributed.cost")
    cost_ratio = Ratio(help_text="Attributed cost by cost, rounded down; null where nothing cost anything.")
    requests = serializers.IntegerField(source="used.requests")
    attributed_requests = serializers.IntegerField(source="attributed.requests")
    request_ratio = Ratio()
    maturity = serializers.ChoiceField(
        choices=["run", "crawl", "below_crawl", "unknown"],
        help_text="By the share of cost: crawl from 80 %, run from 90 %; unknown without any cost.",
    )


class PartOut(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Day, month, scope path, or what placed the records.")
    share = Ratio(help_text="Of the organisation's cost in the period.")
    coverage = AttributedShareOut()


class OrganisationOut(serializers.Serializer[OrganisationAttribution]):
    organisation = serializers.CharField(source="path")
    currency = serializers.CharField()
    coverage = AttributedShareOut(source="whole")
    parts = PartOut(many=True)


class CoverageListOut(serializers.Serializer[Any]):
    since = serializers.DateField()
    until = serializers.DateField()
    organisations = OrganisationOut(many=True)


class CoverageIn(Parameters):
    organisation = serializers.CharField(required=False, help_text="Path; default: every one you see as a whole.")
    since = serializers.DateField(required=False, help_text="First UTC day; default: the month's first.")
    until = serializers.DateField(required=False, help_text="UTC day after the last; default: tomorrow.")
    by = serializers.ChoiceField(choices=queries.GROUPINGS, default="day")


class AttributionCoverage(APIView):
    """The share of cost and of requests that lies on a scope other than the organisation's unattributed one."""

    permission_classes = (requires("usage:read"),)

    @extend_schema(operation_id="attribution_coverage", parameters=[CoverageIn], responses=CoverageListOut)
    def get(self, request: Request) -> Response:
        wanted, who = CoverageIn.of(request), actor(request)
        today = timezone.now().astimezone(UTC).date()
        since, until = wanted.get("since", first_of_month(today)), wanted.get("until", today + DAY)
        check_period(since, until)
        named = wanted.get("organisation")
        organisations = queries.attribution_coverage(
            actor=who,
            since=midnight(since),
            until=midnight(until),
            by=wanted["by"],
            organisation_ids=None if named is None else [organisation_seen(named, who).id],
        )
        return Response(CoverageListOut({"since": since, "until": until, "organisations": organisations}).data)


def check_period(since: date, until: date) -> None:
    """Raises ValidationError (400) unless [since, until) has between 1 and DAYS_MAX days."""
    if not since < until <= since + timedelta(days=DAYS_MAX):
        raise serializers.ValidationError(
            {"until": [f"must be later than since, and at most {DAYS_MAX:,} days later."]}
        )
