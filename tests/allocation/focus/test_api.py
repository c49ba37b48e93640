"""FOCUS through its doors: the API, the command and the admin."""

import csv
import gzip
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from allocation.corrections.operations import rerate_usage
from allocation.focus.importers.files import opened
from allocation.focus.importers.importing import FocusImportRequest, import_focus_file
from allocation.focus.models import FocusImport, FocusRow
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.organisations.operations import create_api_key
from governance.people.models import Ownership, User
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SHARED, SYSTEM, event, make_organisation, needs_shared_data
from tests.allocation.prices.operations.test_price_books import apply_book

FOCUS = SHARED / "focus"
FILE = (
    "BilledCost,BillingAccountId,BillingCurrency,ChargeCategory,ChargePeriodStart,EffectiveCost,x_ScopePath\n"
    "1,acct-1,USD,Tax,2026-11-01T00:00:00Z,1,acme/ads\n"
    "abc,acct-1,USD,Tax,2026-11-01T00:00:00Z,1,\n"
    "2,acct-1,USD,Tax,2026-11-01T00:00:00Z,2,acme/search\n"
)


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


@pytest.fixture
def run(acme: Scope, tmp_path: Path) -> FocusImport:
    path = tmp_path / "bill.csv"
    path.write_text(FILE)
    return import_focus_file(FocusImportRequest(path=path, scope=acme), now=lambda: AT)


def key_client(path: str, *permissions: str) -> APIClient:
    _, plaintext = create_api_key(scope=Scope.objects.get(path=path), permissions=permissions, actor=SYSTEM, at=AT)
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    return api


def body_of(answer: Any) -> bytes:
    return bytes(answer.getvalue())


def test_imports_and_their_rows(run: FocusImport) -> None:
    api = key_client("acme", "usage:read")
    listed = api.get("/api/v1/focus/imports").json()["results"]
    assert [(one["id"], one["version"], one["charges"], one["quarantined"], one["scope"]) for one in listed] == [
        (run.pk, "1.0", 2, 1, "acme")
    ]
    assert api.get(f"/api/v1/focus/imports/{run.pk}").json() == listed[0]
    rows = api.get(f"/api/v1/focus/imports/{run.pk}/rows").json()["results"]
    assert [(row["row_number"], row["scope"], row["status"], row["field"]) for row in rows] == [
        (1, "acme/ads", "charge", ""), (2, "acme", "quarantined", "BilledCost"), (3, "acme/search", "charge", ""),
    ]  # fmt: skip
    waiting = api.get(f"/api/v1/focus/imports/{run.pk}/rows?status=quarantined").json()["results"]
    assert [(row["code"], row["cells"][0], row["cells"][-1]) for row in waiting] == [("not_a_number", "abc", None)]
    one = api.get(f"/api/v1/focus/imports/{run.pk}/rows?row_number=3").json()["results"]
    assert one[0]["billed_cost"] == "2.000000000000000"


def test_rows_are_paged(run: FocusImport) -> None:
    api = key_client("acme", "usage:read")
    page = api.get(f"/api/v1/focus/imports/{run.pk}/rows?limit=2").json()
    assert [row["row_number"] for row in page["results"]] == [1, 2]
    assert [row["row_number"] for row in api.get(page["next"]).json()["results"]] == [3]


def test_an_import_goes_out_as_it_stood(run: FocusImport, tmp_path: Path) -> None:
    api = key_client("acme", "usage:read")
    answer = api.get(f"/api/v1/focus/imports/{run.pk}/export")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert body_of(answer).decode() == FILE
    answer = api.get(f"/api/v1/focus/imports/{run.pk}/export?format=parquet")
    assert answer["Content-Type"] == "application/vnd.apache.parquet"
    out = tmp_path / "out.parquet"
    out.write_bytes(body_of(answer))
    with opened(out) as file:
        assert [list(file.table.columns), *file.rows()] == [
            [cell or None for cell in row] for row in csv.reader(io.StringIO(FILE))
        ]


def test_the_export_is_streamed_with_its_name(acme: Scope, run: FocusImport) -> None:
    record_usage(events=[event(), event(model="nobody-knows")], key_scope_id=acme.pk, at=AT)
    answer = key_client("acme", "usage:read").get("/api/v1/focus/export?organisation=acme&period=2026-11&version=1.2")
    assert answer.streaming
    assert answer["Content-Disposition"] == 'attachment; filename="focus-1.2-acme-2026-11.csv"'
    assert answer["Weir-Unpriced-Lines"] == "2"
    rows = list(csv.DictReader(io.StringIO(body_of(answer).decode())))
    assert [(row["x_Meter"], row["BilledCost"]) for row in rows] == [
        ("input", "0.0025"), ("output", "0.001"), ("", "1"), ("", "2"),
    ]  # fmt: skip


def test_the_export_as_parquet(acme: Scope, run: FocusImport, tmp_path: Path) -> None:
    answer = key_client("acme", "usage:read").get(
        "/api/v1/focus/export?organisation=acme&period=2026-11&format=parquet"
    )
    out = tmp_path / "out.parquet"
    out.write_bytes(body_of(answer))
    with opened(out) as file:
        assert (file.table.count, "ServiceProviderName" in file.table.columns) == (2, True)


def test_every_line_leads_to_the_records_behind_it(acme: Scope, run: FocusImport) -> None:
    calls = [event(), event(), event(scope="acme/search/ranker"), event(model="o3"), event(cost=Decimal("0.5")),
             event(occurred_at="2026-11-23T00:00:00Z"), event(service_tier="batch", cost=Decimal(1))]  # fmt: skip
    record_usage(events=calls, key_scope_id=acme.pk, at=AT)
    api = key_client("acme", "usage:read")
    answer = api.get("/api/v1/focus/export?organisation=acme&period=2026-11")
    behind: dict[str, int] = {}
    for row in csv.DictReader(io.StringIO(body_of(answer).decode())):
        found = api.get(row["x_Records"]).json()["results"]
        assert {record["scope"] for record in found} == {row["x_ScopePath"]}
        if row["x_Meter"]:
            assert {record["model"] for record in found} == {row["x_ModelId"]}
            assert sum(record["requests"] for record in found) == int(row["x_RequestCount"])
            behind |= {record["id"]: 1 for record in found}
    assert len(behind) == len(calls) == UsageRecord.objects.count()


def test_a_correction_leads_to_its_entries(acme: Scope) -> None:
    record_usage(events=[event(), event(model="o3")], key_scope_id=acme.pk, at=AT)
    apply_book()
    rerate_usage(
        organisation=acme, since=AT - timedelta(days=1), until=AT, reason="A new contract.", actor=SYSTEM, at=AT
    )
    api = key_client("acme", "usage:read")
    answer = api.get("/api/v1/focus/export?organisation=acme&period=2026-11")
    rows = [row for row in csv.DictReader(io.StringIO(body_of(answer).decode())) if row["x_Meter"] == "adjustment"]
    assert [(row["ChargeCategory"], row["ChargeClass"], row["x_ModelId"]) for row in rows] == [
        ("Adjustment", "", "gpt-4o")
    ]
    found = api.get(rows[0]["x_Records"]).json()["results"]
    assert [Decimal(entry["cost"]) for entry in found] == [Decimal(rows[0]["EffectiveCost"])]


def test_a_key_of_a_team_gets_its_team(acme: Scope, run: FocusImport) -> None:
    record_usage(events=[event(), event(scope="acme/ads")], key_scope_id=acme.pk, at=AT)
    answer = key_client("acme/ads", "usage:read").get("/api/v1/focus/export?organisation=acme&period=2026-11")
    rows = csv.DictReader(io.StringIO(body_of(answer).decode()))
    assert {row["x_ScopePath"] for row in rows} == {"acme/ads"}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("organisation=acme&period=2026-13", 400, "validation_failed"),
        ("organisation=acme", 400, "validation_failed"),
        ("organisation=acme&period=2026-11&version=1.3", 400, "validation_failed"),
        ("organisation=acme&period=2026-11&format=xls", 400, "validation_failed"),
        ("organisation=acme&period=2026-11&colour=red", 400, "validation_failed"),
        ("organisation=globex&period=2026-11", 404, "scope_unknown"),
        ("organisation=acme/search&period=2026-11", 404, "scope_unknown"),
        ("organisation=acme&period=2026-11&scope=globex/search", 404, "scope_unknown"),
        ("organisation=acme&period=2026-11&scope=acme/nowhere", 404, "scope_unknown"),
    ],
)
def test_what_cannot_be_exported_is_refused_before_the_first_byte(
    acme: Scope, query: str, status: int, code: str
) -> None:
    make_organisation("globex")
    answer = key_client("acme", "usage:read").get(f"/api/v1/focus/export?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_another_organisations_import_is_not_there(run: FocusImport) -> None:
    make_organisation("globex")
    api: APIClient = key_client("globex", "usage:read")
    assert api.get("/api/v1/focus/imports").json()["results"] == []
    for path in ("", "/rows", "/export"):
        assert api.get(f"/api/v1/focus/imports/{run.pk}{path}").status_code == 404


def said(*words: str) -> str:
    out = io.StringIO()
    call_command("focus", *words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_command_brings_in_writes_and_checks(acme: Scope, tmp_path: Path) -> None:
    record_usage(events=[event()], key_scope_id=acme.pk, at=AT)
    bill, out = tmp_path / "bill.csv.gz", tmp_path / "out.csv"
    bill.write_bytes(gzip.compress(FILE.encode()))
    number = said("import", str(bill)).rpartition("Import ")[2].strip(".\n")
    again = said("import", str(bill), "--scope", "acme")
    assert again == (
        "bill.csv.gz: FOCUS 1.0, 3 rows: 2 charges, 0 of them counted as usage too, 0 there already, 1 quarantined."
        f" Import {number}.\n"
    )
    assert said("export", "--import", number) == FILE
    words = ("export", "--version", "1.4", "--period", "2026-11", "--organisation", "acme")
    assert said(*words, "--out", str(out)) == ""
    assert out.read_text() == said(*words)
    assert said(*words, "--format", "parquet", "--out", str(tmp_path / "out.parquet")) == ""
    with opened(tmp_path / "out.parquet") as file:
        assert file.table.count == 4


@needs_shared_data
def test_the_command_says_what_is_wrong_with_a_file() -> None:
    good = FOCUS / "ai_rows_focus_1_2_shape_our_own.csv"
    assert said("check", str(good), "--version", "1.2") == "FOCUS 1.2, 2 rows: 0 findings.\n"
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"does not follow FOCUS 1\.0"):
        call_command("focus", "check", str(FOCUS / "focus_sample_1.0_1000.csv"), stdout=out)
    lines = out.getvalue().splitlines()
    assert "columns: Id: columns.custom (must): A column that FOCUS does not have begins with x_: x_Id." in lines
    assert "1000 ChargePeriodStart.time" in lines


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["import", "/nowhere.csv"], "There is no file nowhere.csv"),
        (["import", "/nowhere.csv", "--scope", "nowhere"], "There is no scope nowhere"),
        (["export", "--period", "2026-1"], "is no month"),
        (["export", "--organisation", "acme/search"], "is no organisation"),
        (["export", "--import", "999"], "There is no import 999"),
        (["export", "--format", "parquet"], "needs --out"),
    ],
)
def test_mistakes_on_the_command_line(acme: Scope, words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("focus", *words)


def test_without_a_name_there_must_be_one_organisation(acme: Scope) -> None:
    make_organisation("globex")
    with pytest.raises(CommandError, match="name it"):
        call_command("focus", "export", "--period", "2026-11")


def test_finance_sees_imports_and_rows_of_its_organisation(run: FocusImport, client: Client) -> None:
    make_organisation("globex")
    for name, root in (("fay", "acme"), ("eve", "globex")):
        user = User.objects.create_user(f"{name}@example.com", "a long password", is_staff=True)
        Ownership.objects.create(scope=Scope.objects.get(path=root), user=user, persona="finance")
    client.force_login(User.objects.get(email="fay@example.com"))
    shown = client.get(f"/admin/allocation/focusrow/?source__id__exact={run.pk}&status__exact=quarantined")
    assert shown.context["cl"].result_count == 1
    row = FocusRow.objects.get(status="quarantined")
    page = client.get(f"/admin/allocation/focusrow/{row.pk}/change/").content.decode()
    assert "BilledCost is not a plain number" in page
    assert "<dt>BilledCost</dt><dd>abc</dd>" in page
    assert (
        f"source__id__exact={run.pk}" in client.get(f"/admin/allocation/focusimport/{run.pk}/change/").content.decode()
    )
    client.force_login(User.objects.get(email="eve@example.com"))
    assert client.get("/admin/allocation/focusimport/").context["cl"].result_count == 0
    assert client.get(f"/admin/allocation/focusrow/{row.pk}/change/").status_code == 302


def test_cells_are_shown_as_text(acme: Scope, tmp_path: Path, admin_client: Client) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(FILE.replace("acct-1", "<script>alert(1)</script>"))
    import_focus_file(FocusImportRequest(path=path, scope=acme), now=lambda: datetime.now(AT.tzinfo))
    page = admin_client.get(f"/admin/allocation/focusrow/{FocusRow.objects.earliest('pk').pk}/change/")
    assert b"<script>alert(1)" not in page.content


def withdrawal(api: Any, run: FocusImport, reason: str = "The wrong month") -> Any:
    return api.post(f"/api/v1/focus/imports/{run.pk}/withdrawal", {"reason": reason}, format="json")


def person_of(scope: Scope, persona: str) -> User:
    user = User.objects.create_user(f"{persona}@example.com", "a long password", is_staff=True)
    Ownership.objects.create(scope=scope, user=user, persona=persona)
    return user


def test_an_import_is_withdrawn_by_a_person_and_never_by_a_key(acme: Scope, run: FocusImport) -> None:
    assert withdrawal(key_client("acme", "usage:write"), run).status_code == 403
    api = APIClient()
    api.force_login(person_of(acme, "finops"))
    answer = withdrawal(api, run)
    assert (answer.status_code, answer.json()["withdrawn_by"], answer.json()["withdrawal_reason"]) == (
        200, "finops@example.com", "The wrong month",
    )  # fmt: skip
    again = withdrawal(api, run)
    assert (again.status_code, again.json()["code"]) == (409, "import_withdrawn")
    assert not FocusRow.objects.charges().exists()


def test_an_import_is_withdrawn_on_its_page(acme: Scope, run: FocusImport, client: Client) -> None:
    page = f"/admin/allocation/focusimport/{run.pk}/change/"
    client.force_login(person_of(acme, "engineering"))
    assert client.post(page, {"withdrawal_reason": "Mine"}).status_code in {302, 403}
    run.refresh_from_db()
    assert run.withdrawn_at is None
    client.force_login(person_of(acme, "finops"))
    assert b'name="withdrawal_reason"' in client.get(page).content
    assert client.post(page, {"withdrawal_reason": ""}).status_code == 200
    assert client.post(page, {"withdrawal_reason": "Sent twice"}).status_code == 302
    run.refresh_from_db()
    assert (run.withdrawal_reason, run.withdrawn_by) == ("Sent twice", "finops@example.com")
    assert b'name="withdrawal_reason"' not in client.get(page).content


def test_the_command_replaces_adds_and_withdraws(acme: Scope, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.csv" for n in (1, 2, 3)]
    for number, path in enumerate(paths):
        path.write_text(FILE.replace("2,acct-1", f"{number + 2},acct-1"))
    out = io.StringIO()
    call_command("focus", "import", str(paths[0]), "--scope", "acme", stdout=out)
    first = FocusImport.objects.get()
    call_command("focus", "import", str(paths[1]), "--scope", "acme", stdout=out)
    second = FocusImport.objects.latest("pk")
    assert (
        out.getvalue()
        .splitlines()[-1]
        .endswith(f"Import {second.pk}. It replaces import {first.pk}; with --add it would stand beside.")
    )
    call_command("focus", "import", str(paths[0]), "--scope", "acme", stdout=out)
    assert out.getvalue().splitlines()[-1].endswith(f"Replaced by import {second.pk}; --again makes it the statement.")
    call_command("focus", "import", str(paths[2]), "--scope", "acme", "--add", stdout=out)
    assert billed() == [1, 3, 4]
    call_command("focus", "withdraw", str(second.pk), "--reason", "A test", stdout=out)
    assert out.getvalue().splitlines()[-1].endswith("Withdrawn on 2026-11-24: A test")
    assert billed() == [1, 4]
    out = io.StringIO()
    call_command("focus", "imports", stdout=out)
    assert len(out.getvalue().splitlines()) == 3
    # What replaced it is withdrawn: the first is the statement again.
    call_command("focus", "import", str(paths[0]), "--scope", "acme", stdout=out)
    assert billed() == [1, 2]


def billed() -> list[Decimal]:
    return list(FocusRow.objects.charges().order_by("billed_cost").values_list("billed_cost", flat=True))
