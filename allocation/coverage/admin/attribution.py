"""The page on attribution coverage, and the texts it shares with the pages that preview a change."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from allocation.attribution.models import AttributionRuleSet
from allocation.coverage import queries
from allocation.coverage.engine.coverage import AttributedShare, UsageTotals
from allocation.coverage.engine.coverage_chart import coverage_chart
from allocation.coverage.operations import PREVIEW_DAYS, preview_attribution
from governance.calendar.engine import DAY, day_of, days_from, midnight
from governance.charts.engine.numbers import count, money, percent
from governance.pages.admin.base import acting

SHOWN = 50
MATURITY = {
    "run": "run (90 % or more)",
    "crawl": "crawl (80 % or more)",
    "below_crawl": "below crawl (less than 80 %)",
    "unknown": "no cost",
}


def default_period(now: datetime) -> dict[str, date]:
    """The last 30 UTC days, today included, as a form's initial `since` and `until` (the day after the last)."""
    tomorrow = day_of(now) + DAY
    return {"since": tomorrow - timedelta(days=PREVIEW_DAYS), "until": tomorrow}


def coverage_page(request: HttpRequest) -> HttpResponse:
    """The last 30 days of every organisation that the user sees as a whole."""
    now, actor = timezone.now(), acting(request)
    until = day_of(now) + DAY
    days = list(days_from(until - timedelta(days=PREVIEW_DAYS), until))
    start, end = midnight(days[0]), midnight(until)
    by_rule = {
        organisation.path: organisation
        for organisation in queries.attribution_coverage(actor=actor, by="rule", since=start, until=end)
    }
    organisations = []
    for organisation in queries.attribution_coverage(actor=actor, by="day", since=start, until=end):
        by_day = {date.fromisoformat(part.name): part.coverage for part in organisation.parts}
        preview = preview_attribution(organisation=organisation.path, since=start, until=end, actor=actor, at=now)
        whole, currency = organisation.whole, organisation.currency
        organisations.append(
            {
                "path": organisation.path,
                "figures": (
                    ("Cost attributed", f"{percent(whole.cost_ratio)} of {money(whole.used.cost, currency)}"),
                    (
                        "Requests attributed",
                        f"{percent(whole.request_ratio)} of {count(whole.used.requests)}",
                    ),
                    ("Maturity", MATURITY[whole.maturity]),
                ),
                "chart": coverage_chart(by_day=by_day, days=days, currency=currency),
                "parts": [
                    {
                        **totals_texts(part.coverage.used, currency),
                        "name": part.name,
                        "share": percent(part.share),
                    }
                    for part in by_rule[organisation.path].parts[:SHOWN]
                ],
                "unused": preview.moves.unused[:SHOWN],
                "unused_count": len(preview.moves.unused),
            }
        )
    context = {
        **admin.site.each_context(request),
        "opts": AttributionRuleSet._meta,  # noqa: SLF001  # Django's public introspection, whatever its name
        "title": "Attribution coverage",
        "organisations": organisations,
        "since": days[0],
        "last": days[-1],
    }
    return TemplateResponse(request, "allocation/coverage/attribution.html", context)


def totals_texts(used: UsageTotals, currency: str) -> dict[str, str]:
    """The cells of a table row."""
    return {
        "records": count(used.records),
        "requests": count(used.requests),
        "tokens": count(used.tokens),
        "cost": money(used.cost, currency),
    }


def share_text(coverage: AttributedShare) -> str:
    """Share of cost and the FinOps Framework's maturity mark."""
    return f"{percent(coverage.cost_ratio)} of cost · {MATURITY[coverage.maturity]}"
