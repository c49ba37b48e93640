"""The page on price coverage: what prices which usage, and what has no price."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from allocation.coverage import queries
from allocation.coverage.operations import PREVIEW_DAYS
from allocation.coverage.queries.prices import PartlyUnpricedModel, PriceCoverage, PricedModel, UnpricedModel
from allocation.prices.admin import PriceBookAdmin
from allocation.prices.engine.catalogue import STANDARD
from allocation.prices.models import PriceBook
from governance.calendar.engine import DAY, day_of, midnight
from governance.charts.engine.numbers import NOTHING, count, money, percent
from governance.pages.admin.base import acting
from governance.people.queries import visible_scope_paths
from governance.people.rules import Actor
from governance.scopes.queries import scope_tree

SHOWN = 100
MATCHES = {"exact": "its own name", "alias": "another of its names", "pattern": "a pattern"}

admin.site.unregister(PriceBook)


@admin.register(PriceBook)
class PriceBookPagesAdmin(PriceBookAdmin):
    """Price books, with the page that says which usage they price."""

    list_before_template = "allocation/coverage/to_prices.html"

    def get_urls(self) -> list[URLPattern]:
        page = path("coverage/", self.admin_site.admin_view(price_coverage_page), name="allocation_price_coverage")
        return [page, *super().get_urls()]


def price_coverage_page(request: HttpRequest) -> HttpResponse:
    """The last 30 days of each organisation of which the user sees usage."""
    if not request.user.has_perm("allocation.view_usagerecord"):
        raise PermissionDenied
    until = day_of(timezone.now()) + DAY
    first = until - timedelta(days=PREVIEW_DAYS)
    context = {
        **admin.site.each_context(request),
        "opts": PriceBook._meta,  # noqa: SLF001  # Django's public introspection, whatever its name
        "title": "Price coverage",
        "organisations": _organisations(acting(request), midnight(first), midnight(until)),
        "since": first,
        "last": until - DAY,
    }
    return TemplateResponse(request, "allocation/coverage/prices.html", context)


def _organisations(actor: Actor, since: datetime, until: datetime) -> list[dict[str, Any]]:
    tree = scope_tree()
    shown = []
    for root_id in dict.fromkeys(tree.by_path[top].root_id for top in visible_scope_paths(actor)):
        asked: dict[str, Any] = {"actor": actor, "scope_id": root_id, "since": since, "until": until}
        coverage = queries.price_coverage(**asked)
        if coverage.requests or coverage.failed_requests:
            organisation = tree.by_id[root_id]
            shown.append(
                {
                    "path": organisation.path,
                    "told": told(coverage, organisation.currency),
                    "figures": _figures(coverage, organisation.currency),
                    "unpriced": [_unpriced(row) for row in coverage.unpriced if row.lacking_requests][:SHOWN],
                    "unmeasured": count(coverage.unmeasured_requests) if coverage.unmeasured_requests else "",
                    "partly": [_partly(row) for row in queries.partly_unpriced(**asked)[:SHOWN]],
                    "models": [_priced(row, organisation.currency) for row in _to_look_at(coverage.models)[:SHOWN]],
                }
            )
    return shown


def told(coverage: PriceCoverage, currency: str) -> str:
    """What the coverage means for the figures of cost, in one sentence."""
    unmeasured = coverage.unmeasured_requests
    lacking = coverage.requests - coverage.priced_requests - unmeasured
    gaps = [
        f"{requests(lacking)} {'has' if lacking == 1 else 'have'} no price" if lacking else "",
        f"{requests(unmeasured)} {'does' if unmeasured == 1 else 'do'} not say what was used" if unmeasured else "",
        f"the cost of {requests(coverage.partly_unpriced_requests)} leaves something out"
        if coverage.partly_unpriced_requests
        else "",
    ]
    stated = [gap for gap in gaps if gap]
    cost = money(coverage.cost, currency)
    if not stated:
        return f"{cost} leaves nothing out: every request has a price."
    return f"{cost} is too low: {sentence(stated)}."


def requests(number: int) -> str:
    return f"{count(number)} request{'' if number == 1 else 's'}"


def sentence(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _to_look_at(models: Iterable[PricedModel]) -> list[PricedModel]:
    """What a pattern prices first, since that may be another model's price; then the highest cost."""
    return sorted((row for row in models if row.entry), key=lambda row: (row.matched != "pattern", -row.cost))


def _figures(coverage: PriceCoverage, currency: str) -> list[tuple[str, str]]:
    of_requests, of_tokens = coverage.priced_requests_ratio, coverage.priced_tokens_ratio
    figures = [
        ("Requests priced", "–" if of_requests is None else f"{percent(of_requests)} of {count(coverage.requests)}"),
        ("Tokens priced", "–" if of_tokens is None else f"{percent(of_tokens)} of {count(coverage.tokens)}"),
        ("Failed, without cost", count(coverage.failed_requests)),
    ]
    return [
        *figures,
        *((f"By {source.price_source}", money(source.cost, currency)) for source in coverage.sources),
    ]


def _name(row: UnpricedModel | PartlyUnpricedModel | PricedModel) -> str:
    tier = "" if row.service_tier == STANDARD else f", {row.service_tier}"
    return f"{row.provider}/{row.model}{tier}"


def _unpriced(row: UnpricedModel) -> dict[str, str]:
    return {"name": _name(row), "requests": count(row.lacking_requests), "tokens": count(row.tokens)}


def _partly(row: PartlyUnpricedModel) -> dict[str, str]:
    return {
        "name": _name(row),
        "requests": count(row.requests),
        "meters": ", ".join(meter.replace("_", " ") for meter in row.meters),
    }


def _priced(row: PricedModel, currency: str) -> dict[str, str]:
    return {
        "name": _name(row),
        "entry": row.entry,
        "source": row.entry_source,
        "matched": MATCHES.get(row.matched, row.matched),
        "requests": count(row.requests),
        "tokens": count(row.tokens),
        # Of calls that nobody measured it is not known.
        "cost": money(row.cost, currency) if row.cost or row.tokens else NOTHING,
    }
