from __future__ import annotations

from datetime import date, datetime, timedelta

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from allocation.attribution.models import AttributionRuleSet
from allocation.coverage import queries
from allocation.coverage.engine.coverage import Coverage, Used
from allocation.coverage.engine.coverage_chart import coverage_chart
from allocation.coverage.operations import preview_attribution
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


def _last_days(now: datetime) -> dict[str, date]:
    tomorrow = day_of(now) + DAY
    return {"since": tomorrow - timedelta(days=PREVIEW_DAYS), "until": tomorrow}


def coverage_page(request: HttpRequest) -> HttpResponse:
    """The last 30 days of every organisation that is seen as a whole."""
    now, actor = timezone.now(), acting(request)
    until = day_of(now) + DAY
    days = list(days_from(until - timedelta(days=PREVIEW_DAYS), until))
    start, end = midnight(days[0]), midnight(until)
    by_rule = {one.organisation: one for one in queries.coverage(actor=actor, by="rule", since=start, until=end)}
    shown = []
    for one in queries.coverage(actor=actor, by="day", since=start, until=end):
        by_day = {date.fromisoformat(part.name): part.coverage for part in one.parts}
        replayed = preview_attribution(organisation=one.organisation, since=start, until=end, actor=actor, at=now)
        whole, currency = one.whole, one.currency
        shown.append(
            {
                "path": one.organisation,
                "figures": (
                    ("Cost attributed", f"{percent(whole.cost_ratio, places=2)} of {money(whole.used.cost, currency)}"),
                    (
                        "Requests attributed",
                        f"{percent(whole.request_ratio, places=2)} of {count(whole.used.requests)}",
                    ),
                    ("Maturity", MATURITY[whole.maturity]),
                ),
                "chart": coverage_chart(by_day=by_day, days=days, currency=currency),
                "parts": [
                    {
                        **used_shown(part.coverage.used, currency),
                        "name": part.name,
                        "share": percent(part.share, places=2),
                    }
                    for part in by_rule[one.organisation].parts[:SHOWN]
                ],
                "unused": replayed.moves.unused[:SHOWN],
                "unused_count": len(replayed.moves.unused),
            }
        )
    context = {
        **admin.site.each_context(request),
        "opts": AttributionRuleSet._meta,  # noqa: SLF001  # as above
        "title": "Attribution coverage",
        "organisations": shown,
        "since": days[0],
        "last": days[-1],
    }
    return TemplateResponse(request, "allocation/coverage/attribution.html", context)


def used_shown(used: Used, currency: str) -> dict[str, str]:
    return {
        "records": count(used.records),
        "requests": count(used.requests),
        "tokens": count(used.tokens),
        "cost": money(used.cost, currency),
    }


def _covered(coverage: Coverage) -> str:
    return f"{percent(coverage.cost_ratio, places=2)} of cost · {MATURITY[coverage.maturity]}"


PREVIEW_DAYS = 30
