"""The admin as its users see it, on the demonstration organisation."""

import csv
import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.contrib import admin
from django.db.models import F, Min, Model, Sum
from django.db.models.functions import TruncMonth
from django.test import Client
from django.urls import reverse

from allocation.anomalies.models import Anomaly
from allocation.billing_periods.models import BillingPeriod
from allocation.shared_cost.models import AllocationRun
from allocation.usage.models import UsageDay, UsageRecord
from budgets.plans.models import Budget
from config import demo
from config.demo.traffic import AGENT, CACHED, COMPLETION, LOOPING
from config.demo.year import Year
from governance.pages.admin.export import ExportedAdmin, columns_of_list
from governance.people.models import User
from governance.scopes.models import Scope
from policies.alerts.models import Alert
from policies.evaluation.operations import evaluate_next_dirty_scopes

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("admin pages")]

AT = datetime(2026, 11, 24, 8, 18, tzinfo=UTC)
EXPORT, EXPORTED_MAX = {"_export": "csv"}, 300
MODELS = [model for model in admin.site._registry if model._meta.app_label != "auth"]


@pytest.fixture(scope="module")
def seeded(kept_rows: None) -> None:
    demo.seed(at=AT)
    list(iter(lambda: evaluate_next_dirty_scopes(at=AT), False))


@pytest.fixture
def organisation(seeded: None, db: None) -> Scope:
    return Scope.objects.get(path="demo")


@pytest.fixture
def superuser(client: Client, organisation: Scope) -> Client:
    del organisation
    client.force_login(User.objects.create_superuser("root@example.com", "a long password"))
    return client


@pytest.fixture
def finance(client: Client, organisation: Scope) -> Client:
    del organisation
    client.force_login(User.objects.get(email=demo.FINANCE))
    return client


def test_a_year_lies_behind_the_first_pages(organisation: Scope) -> None:
    """Each thing that happened in it is there to be found: see config/demo/year.py."""
    del organisation
    year = Year(AT)
    assert [period.start for period in BillingPeriod.objects.order_by("start")] == list(year.starts[:-1])
    first = {
        model: day.date()
        for model, day in UsageDay.objects.filter(cost__gt=0).values_list("model").annotate(Min("bucket"))
    }
    assert (first[CACHED], first[COMPLETION], first["trainer"]) == (
        year.first_day, year.first_day, year.gpus_reserved,
    )  # fmt: skip
    launched = UsageDay.objects.filter(scope__path=AGENT).earliest("bucket")
    assert launched.bucket.date() == year.agent_launched
    tokens = F("input_tokens") + F("output_tokens")
    by_month = {
        month.date(): cost * 10**6 / used
        for month, cost, used in UsageDay.objects.filter(model=COMPLETION)
        .values_list(TruncMonth("bucket")).annotate(spent=Sum("cost"), used=Sum(tokens))
    }  # fmt: skip
    assert set(by_month) == set(year.starts)
    per_million = {round(rate, 3) for month, rate in by_month.items() if month >= year.price_cut}
    assert per_million == {round(rate / 2, 3) for month, rate in by_month.items() if month < year.price_cut}
    judged = Anomaly.objects.filter(feedback="yes")
    assert {(anomaly.scope.path, anomaly.model) for anomaly in judged} == {(AGENT, CACHED)}
    assert all(year.is_cache_broken(anomaly.first_day) for anomaly in judged)
    assert set(Anomaly.objects.open().values_list("scope__path", "model")) == {("demo/research", LOOPING)}
    assert AllocationRun.objects.filter(superseded_by=None).count() == len(year.starts)


def opened(client: Client, model: type[Model]) -> list[int]:
    """The answers of a model's list and, where there are rows, of the page of the first."""
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    listed = client.get(page)
    rows = re.findall(rf'href="({page}[^/"]+/change/)', listed.content.decode())
    return [listed.status_code, *(client.get(row).status_code for row in rows[:1])]


def test_every_list_and_every_page_opens_for_the_superuser(superuser: Client) -> None:
    refused = {model.__name__: answers for model in MODELS if set(answers := opened(superuser, model)) != {200}}
    assert refused == {}
    assert opened(superuser, Alert) == [200, 200]


def test_every_list_and_every_page_opens_for_finance(finance: Client) -> None:
    refused = {model.__name__: answers for model in MODELS if set(answers := opened(finance, model)) != {200}}
    assert refused == {"EvaluationRun": [403]}


def test_every_list_of_what_is_governed_is_a_file(superuser: Client) -> None:
    """With a line for each row below the names of the columns."""
    wrong = {}
    for model in MODELS:
        page = admin.site._registry[model]
        rows = model._default_manager.count()
        if not isinstance(page, ExportedAdmin) or rows > EXPORTED_MAX:
            continue
        answer = superuser.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), EXPORT)
        lines = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode(), newline="")))  # type: ignore[attr-defined]  # a stream's answer
        shown = page.get_queryset(answer.wsgi_request).count()
        if len(lines) != shown + 1 or {len(line) for line in lines} != {len(lines[0])}:
            wrong[model.__name__] = (len(lines), shown)
    assert wrong == {}


def test_every_column_has_a_value_in_a_file(superuser: Client) -> None:
    """Also of lists that are too long for the test above."""
    wrong = {}
    for model in MODELS:
        page = admin.site._registry[model]
        if not isinstance(page, ExportedAdmin):
            continue
        request = superuser.get(
            reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        ).wsgi_request
        rows = list(page.get_queryset(request)[:20])
        page.add_to_rows(request, rows)
        columns = page.export_columns or columns_of_list(page, request)
        cells = {type(column.value(row)) for column in columns for row in rows}
        if not cells <= {str, int, Decimal, date, datetime, bool, type(None)}:
            wrong[model.__name__] = cells
    assert wrong == {}


def links(client: Client) -> list[str]:
    page = client.get("/admin/").content.decode()
    sidebar = page.split('id="nav-sidebar-apps"', 1)[1].split('id="main"', 1)[0]
    return re.findall(r'href="(/admin/[^"]*)"', sidebar)


def test_the_sidebar_leads_to_pages_that_open(superuser: Client) -> None:
    found = links(superuser)
    assert "/admin/policies/alert/" in found
    assert {superuser.get(link).status_code for link in found} == {200}


def test_the_sidebar_offers_only_what_opens(finance: Client) -> None:
    found = links(finance)
    assert "/admin/budgets/budget/" in found
    assert "/admin/auth/group/" not in found
    assert {finance.get(link).status_code for link in found} == {200}


def test_a_person_without_a_scope_is_offered_the_overview_alone(client: Client, organisation: Scope) -> None:
    del organisation
    client.force_login(User.objects.create_user("new@example.com", "a long password", is_staff=True))
    assert links(client) == ["/admin/"]


def test_the_tabs_above_the_lists_narrow_them(superuser: Client) -> None:
    for page, count in {
        "/admin/policies/alert/?status__exact=firing": 2,
        "/admin/policies/constraint/?status__exact=active": 1,
        "/admin/budgets/budget/?status__exact=submitted": 1,
        "/admin/allocation/quarantinedusage/?state=waiting": 2,
        "/admin/allocation/usagerecord/?price=unpriced": UsageRecord.objects.unpriced().count(),
        "/admin/governance/delivery/?status__exact=dead": 0,
    }.items():
        answer = superuser.get(page)
        assert answer.context["cl"].result_count == count
        assert 'class="active"' in answer.content.decode()


def test_dates_are_written_in_iso_8601(superuser: Client) -> None:
    Alert.objects.update(opened_at=AT)
    page = superuser.get("/admin/policies/alert/").content.decode()
    assert "2026-11-24 08:18 UTC" in page


def test_amounts_are_written_to_be_read(superuser: Client) -> None:
    page = superuser.get("/admin/allocation/usageday/").content.decode()
    assert re.search(r">\d{1,3},\d{3},\d{3}<", page)
    assert not re.search(r">\d+\.\d{9}<", page)


def test_a_budget_names_the_file_it_came_from_and_no_folder(superuser: Client) -> None:
    page = superuser.get("/admin/budgets/budget/").content.decode()
    assert ">organisation.yaml<" in page
    waiting = Budget.objects.get(name="research-monthly")
    asked = superuser.get(f"/admin/budgets/budget/{waiting.pk}/approve/").content.decode()
    assert ">organisation.yaml<" in asked
    assert f"{demo.ORGANISATION.parent}" not in page + asked


def test_scopes_stand_in_their_tree_with_cost_and_budget(superuser: Client) -> None:
    page = superuser.get("/admin/governance/scope/").content.decode()
    order = re.findall(r'title="(demo[^"]*)"', page)
    assert order == [
        "demo", "demo/engineering", "demo/engineering/coding-agent", "demo/finops-assistant", "demo/research",
        "demo/search", "demo/search/ranker", "demo/support", "demo/unattributed",
    ]  # fmt: skip
