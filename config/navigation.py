"""The admin's sidebar and the tabs above its lists; everybody sees the entries they may open."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from governance.people.models import User
from governance.people.rules import Actor
from policies.alerts.models import Alert

# Title, Material symbol, app and model.
Entry = tuple[str, str, str, str]
SPEND: Sequence[Entry] = (
    ("Unit economics", "query_stats", "allocation", "scopeeconomics"),
    ("Accepted unit costs", "price_check", "governance", "unitcosttarget"),
    ("Anomalies", "monitoring", "allocation", "anomaly"),
    ("Outcomes", "task_alt", "allocation", "outcome"),
    ("Tasks", "smart_toy", "allocation", "task"),
    ("Usage records", "receipt_long", "allocation", "usagerecord"),
    ("Charges", "request_quote", "allocation", "usagecharge"),
)
COMING_IN: Sequence[Entry] = (
    ("Usage sources", "input", "allocation", "usagesource"),
    ("Quarantined usage", "report", "allocation", "quarantinedusage"),
    ("Import runs", "upload_file", "allocation", "importrun"),
    ("FOCUS imports", "request_quote", "allocation", "focusimport"),
    ("FOCUS rows", "table_rows", "allocation", "focusrow"),
)
PRICES: Sequence[Entry] = (
    ("Price books", "sell", "allocation", "pricebook"),
    ("Prices", "price_change", "allocation", "price"),
    ("Exchange rates", "currency_exchange", "allocation", "exchangerate"),
    ("Commitments", "handshake", "allocation", "commitment"),
)
ALLOCATION: Sequence[Entry] = (
    ("Attribution rules", "alt_route", "allocation", "attributionruleset"),
    ("Attribution keys", "vpn_key", "allocation", "attributionkey"),
    ("Shared cost", "call_split", "allocation", "allocationrun"),
    ("Shared cost splits", "pie_chart", "allocation", "sharedcostsplit"),
    ("Allocated charges", "receipt", "allocation", "allocatedcharge"),
    ("Allocation metrics", "straighten", "allocation", "allocationmetric"),
)
BOOKS: Sequence[Entry] = (
    ("Billing periods", "event_available", "allocation", "billingperiod"),
    ("Adjustment runs", "published_with_changes", "allocation", "adjustmentrun"),
    ("Adjustments", "difference", "allocation", "adjustment"),
)
BUDGETS: Sequence[Entry] = (
    ("Requests for more", "inbox", "budgets", "quotarequest"),
    ("Budgets", "savings", "budgets", "budget"),
    ("Approval rules", "rule", "budgets", "approvalrules"),
    ("Ledger accounts", "account_balance", "budgets", "account"),
    ("Reservations", "back_hand", "budgets", "reservation"),
)
GUARDRAILS: Sequence[Entry] = (
    ("Alerts", "notifications", "policies", "alert"),
    ("Constraints", "block", "policies", "constraint"),
    ("Guardrail versions", "policy", "policies", "guardrailversion"),
    ("Evaluation runs", "fact_check", "policies", "evaluationrun"),
    ("Data gaps", "signal_disconnected", "policies", "datagap"),
)
ORGANISATION: Sequence[Entry] = (
    ("Scopes", "account_tree", "governance", "scope"),
    ("People", "group", "governance", "user"),
    ("Groups", "groups", "auth", "group"),
    ("Signed in", "devices", "governance", "signedin"),
    ("API keys", "key", "governance", "apikey"),
    ("Channels", "campaign", "governance", "channel"),
    ("Deliveries", "outbox", "governance", "delivery"),
    ("Decision records", "history_edu", "governance", "decisionrecord"),
)
ROLL_UPS: Sequence[Entry] = (
    ("By day", "calendar_month", "allocation", "usageday"),
    ("Outcomes by day", "event_available", "allocation", "outcomeday"),
    ("By hour", "schedule", "allocation", "usagehour"),
    ("By minute", "timer", "allocation", "usageminute"),
    ("Tasks by day", "smart_toy", "allocation", "taskday"),
    ("Last delivery", "update", "allocation", "ingestwatermark"),
)


# Pages other than lists: title, symbol, the app and model whose view permission they need, and the name of the page.
Page = tuple[str, str, str, str, str]
SPEND_PAGES: Sequence[Page] = (
    ("What moved", "waterfall_chart", "allocation", "usageday", "admin:allocation_what_moved"),
)
BUDGET_PAGES: Sequence[Page] = (("Where the money is", "account_tree", "budgets", "account", "admin:budgets_tree"),)
PRICE_PAGES: Sequence[Page] = (
    ("Price coverage", "percent", "allocation", "usagerecord", "admin:allocation_price_coverage"),
)
# By model, the end of the address of a page of its own that lies under its list.
UNDER = {"usageday": "/what-moved/", "pricebook": "/pricebook/coverage/", "account": "/account/tree/"}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Unfold's SIDEBAR navigation: groups of the pages that the user may view."""
    groups: Sequence[tuple[str, Sequence[Entry]]] = (
        ("Spend", SPEND), ("Budgets", BUDGETS), ("Guardrails", GUARDRAILS), ("Prices", PRICES),
        ("Attribution and shared cost", ALLOCATION), ("Closing and corrections", BOOKS), ("Coming in", COMING_IN),
        ("Organisation", ORGANISATION),
    )  # fmt: skip
    pages = {
        "Spend": _pages(request, SPEND_PAGES), "Budgets": _pages(request, BUDGET_PAGES),
        "Prices": _pages(request, PRICE_PAGES),
    }  # fmt: skip
    overview = {"title": "Overview", "icon": "dashboard", "link": reverse("admin:index")}
    return [
        {"items": [overview]},
        *({"title": title, "items": [*pages.get(title, ()), *_items(request, entries)]} for title, entries in groups),
        {"title": "Roll-ups", "collapsible": True, "items": list(_items(request, ROLL_UPS))},
    ]


def account(request: HttpRequest) -> list[dict[str, Any]]:
    """Unfold's ACCOUNT navigation. Who owns nothing yet is offered the overview alone."""
    sessions = {"title": "Where you are signed in", "link": f"{reverse('admin:governance_signedin_changelist')}?mine=1"}
    factor = {"title": "Second factor", "link": reverse("mfa_index")}
    slack = {"title": "Slack", "link": reverse("slack_accounts")}
    looks_on = request.user.has_module_perms("governance")
    return [*([sessions] if looks_on else ()), factor, slack, {"title": "API documentation", "link": "/api/docs/"}]


def _pages(request: HttpRequest, pages: Sequence[Page]) -> list[dict[str, Any]]:
    return [
        {"title": title, "icon": icon, "link": reverse(page)}
        for title, icon, app, model, page in pages
        if request.user.has_perm(f"{app}.view_{model}")
    ]


# The most used filters of a list: title, and query parameters.
NARROWED: dict[tuple[str, str], Sequence[tuple[str, dict[str, str]]]] = {
    ("policies", "alert"): (
        ("All", {}), ("Open", {"status__exact": "firing"}), ("Pending", {"status__exact": "pending"}),
    ),
    ("policies", "constraint"): (("All", {}), ("Active", {"status__exact": "active"})),
    ("policies", "guardrailversion"): (("All", {}), ("In force", {"is_active__exact": "1"})),
    ("budgets", "quotarequest"): (
        ("All", {}), ("Waiting for a decision", {"state": "waiting"}), ("Decided or over", {"state": "over"}),
    ),
    ("budgets", "budget"): (("All", {}), ("Waiting for a decision", {"status__exact": "submitted"})),
    ("budgets", "reservation"): (
        ("All", {}), ("Open", {"status__exact": "held"}), ("Leases", {"kind__exact": "lease"}),
    ),
    ("allocation", "usagerecord"): (
        ("All", {}), ("Unpriced", {"price": "unpriced"}), ("Failed", {"status__exact": "error"}),
    ),
    ("allocation", "anomaly"): (
        ("All", {}), ("Open", {"status__exact": "open"}), ("Not judged", {"feedback__exact": ""}),
    ),
    ("allocation", "quarantinedusage"): (
        ("All", {}), ("Waiting", {"state": "waiting"}), ("Replayed", {"state": "replayed"}),
        ("Set aside", {"state": "set_aside"}),
    ),
    ("allocation", "focusrow"): (
        ("All", {}), ("Charges", {"status__exact": "charge"}), ("Quarantined", {"status__exact": "quarantined"}),
    ),
    ("governance", "delivery"): (
        ("All", {}), ("Waiting", {"status__exact": "pending"}), ("Dead", {"status__exact": "dead"}),
    ),
}  # fmt: skip
FILTERS = frozenset(name for narrowed in NARROWED.values() for _title, wanted in narrowed for name in wanted)


def tabs(request: HttpRequest) -> list[dict[str, Any]]:
    """Unfold's TABS above the lists; active is the one whose filters are set."""
    chosen = {name: str(value) for name, value in request.GET.items() if name in FILTERS}
    return [
        {"models": [f"{app}.{model}"], "items": [_tab(app, model, title, wanted, chosen) for title, wanted in narrowed]}
        for (app, model), narrowed in NARROWED.items()
    ]


def _tab(app: str, model: str, title: str, wanted: dict[str, str], chosen: dict[str, str]) -> dict[str, Any]:
    link = reverse(f"admin:{app}_{model}_changelist")
    return {"title": title, "link": f"{link}?{urlencode(wanted)}" if wanted else link, "active": wanted == chosen}


def _items(request: HttpRequest, entries: Sequence[Entry]) -> Iterator[dict[str, Any]]:
    for title, icon, app, model in entries:
        if request.user.has_perm(f"{app}.view_{model}") or request.user.has_perm(f"{app}.change_{model}"):
            item: dict[str, Any] = {"title": title, "icon": icon, "link": reverse(f"admin:{app}_{model}_changelist")}
            if model in UNDER:
                item["active"] = request.path.startswith(item["link"]) and not request.path.endswith(UNDER[model])
            if model == "alert":
                item["badge"] = _open_alerts(request)
            yield item


def _open_alerts(request: HttpRequest) -> int:
    """The number on the badge; 0 shows none."""
    if not isinstance(request.user, User):
        return 0
    return Alert.objects.visible_to(Actor.of_user(request.user)).open().count()
