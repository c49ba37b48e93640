"""A full disk, a lost connection, a deadlock, a lock: 503 with `Retry-After`, never 500, and nothing is lost."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, connections
from django.test import Client

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.models import UsageRecord
from budgets.plans.models import Budget
from governance.organisations.operations import create_api_key
from governance.people.models import User
from governance.scopes.models import Scope
from policies.decisions.queries import statement
from tests.allocation.conftest import document
from tests.database_owner import as_owner
from tests.policies.conftest import AT, SYSTEM

pytestmark = [pytest.mark.adversary("database"), pytest.mark.django_db]
TROUBLES = {
    "40001": "two transactions crossed", "40P01": "a deadlock", "53100": "the disk is full",
    "53200": "no memory is left", "55P03": "a lock is not free", "57014": "a statement took too long",
    "57P01": "the server is shut down", "58030": "the disk cannot be written", "25006": "a standby",
    "08006": "the connection broke",
}  # fmt: skip


@pytest.fixture(params=TROUBLES, ids=TROUBLES.values())
def trouble(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def fail_at(table: str, sqlstate: str) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            f"""
            CREATE OR REPLACE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RAISE EXCEPTION 'trouble' USING ERRCODE = '{sqlstate}';
            END $$;
            CREATE OR REPLACE TRIGGER trouble BEFORE INSERT OR UPDATE ON {table}
            FOR EACH ROW EXECUTE FUNCTION trouble();
            """
        )


def end_trouble(table: str) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER trouble ON {table}")


def is_told(answer: Any) -> bool:
    assert answer.status_code == 503, answer.content
    assert answer["Retry-After"] == "2"
    assert (answer["Content-Type"], answer.json()["code"]) == ("application/problem+json", "database_unavailable")
    return True


def key_of(scope: Scope, *permissions: str) -> dict[str, str]:
    _, plaintext = create_api_key(scope=scope, permissions=permissions, actor=SYSTEM, at=AT)
    return {"Authorization": f"Bearer {plaintext}"}


@pytest.mark.parametrize("table", ["allocation_usagerecord", "allocation_usagejournal"])  # by COPY, and after it
def test_usage_is_asked_for_again_and_counted_once(
    client: Client, acme: Scope, search: Scope, trouble: str, table: str, settings: Any
) -> None:
    settings.USAGE_FOLDED_IN_REQUEST = False
    headers = key_of(acme, "usage:write")
    body = json.dumps([document(id="one")])

    def post() -> Any:
        return client.post("/api/v1/usage", body, content_type="application/json", headers=headers)

    fail_at(table, trouble)
    assert is_told(post())
    end_trouble(table)
    assert UsageRecord.objects.count() == 0
    assert [post().status_code for _ in range(2)] == [200, 200]
    assert UsageRecord.objects.count() == 1


def test_what_is_refused_is_asked_for_again_and_kept_once(client: Client, acme: Scope, trouble: str) -> None:
    headers = key_of(acme, "usage:write")

    def post() -> Any:
        body = json.dumps([document(id="lost", scope="acme/nowhere")])
        return client.post("/api/v1/usage", body, content_type="application/json", headers=headers)

    fail_at("allocation_quarantinedusage", trouble)
    assert is_told(post())
    end_trouble("allocation_quarantinedusage")
    assert [post().status_code for _ in range(2)] == [422, 422]
    assert QuarantinedUsage.objects.count() == 1


def test_a_page_says_that_it_is_to_be_tried_again(client: Client, acme: Scope, trouble: str) -> None:
    user = User.objects.create_superuser("root@example.com", "a long password")
    client.force_login(user)
    fail_at("budgets_budget", trouble)
    answer = client.post(
        "/admin/budgets/budget/add/",
        {
            "scope": acme.pk,
            "name": "all",
            "amount": "10",
            "unit": "money",
            "period": "month",
            "starts_on": "2026-12-01",
        },
    )
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "try again shortly" in answer.content.decode()
    assert Budget.objects.count() == 0


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param(psycopg.errors.ReadOnlySqlTransaction("a standby"), id="a standby"),
        pytest.param(psycopg.errors.AdminShutdown("shut down"), id="shut down"),
        pytest.param(OperationalError("the server closed the connection"), id="closed"),
        pytest.param(psycopg.InterfaceError("the connection is closed"), id="closed before"),
    ],
)
def test_a_decision_is_asked_for_again(
    client: Client, acme: Scope, search: Scope, monkeypatch: pytest.MonkeyPatch, gone: Exception
) -> None:
    def lost(_values: object) -> None:
        raise gone

    headers = key_of(acme, "decisions:read")
    monkeypatch.setattr(statement, "_execute", lost)
    question = json.dumps({"scope": "acme/search", "model": "gpt-4o"})
    answer = client.post("/api/v1/decisions", question, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert answer["Retry-After"]
    assert connections["default"].connection is not None


# --- nobody gets a connection ---------------------------------------------------------------------------------------

ROADS = {
    "usage": ("post", "/api/v1/usage", [document(id="one")]),
    "usage of LiteLLM": ("post", "/api/v1/usage/litellm", [{"id": "one"}]),
    "spans": ("post", "/api/v1/otlp/v1/traces", {"resourceSpans": []}),
    "log events": ("post", "/api/v1/otlp/v1/logs", {"resourceLogs": []}),
    "metrics": ("post", "/api/v1/otlp/v1/metrics", {"resourceMetrics": []}),
    "outcomes": ("post", "/api/v1/outcomes", []),
    "a decision": ("post", "/api/v1/decisions", {"scope": "acme", "model": "gpt-4o"}),
    "a proxy's question": ("get", "/api/v1/decisions/check", None),
    "an answer of the API": ("get", "/api/v1/quarantine", None),
    "a page": ("get", "/admin/", None),
}


@pytest.fixture
def refused(request: pytest.FixtureRequest, database_url: str) -> Iterator[dict[str, Any]]:
    """Settings with which PostgreSQL takes no connection: for a role that may have none (as max_connections reached,
    SQLSTATE 53300), and where nobody listens, as while it restarts.
    """
    if request.param == "away":
        yield {"HOST": "127.0.0.1", "PORT": "1"}
        return
    name = f"weir_test_{os.getpid()}"
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 0".encode())
        try:
            yield {"USER": name}
        finally:
            owner.execute(f"DROP ROLE {name}".encode())


@pytest.mark.parametrize("refused", ["too many", "away"], indirect=True)
def test_every_road_is_told_when_no_connection_is_left(client: Client, refused: dict[str, Any]) -> None:
    def ask(method: str, path: str, body: Any) -> tuple[int, bool]:
        # A connection of this thread's own.
        main = connections["default"]
        main.settings_dict = main.settings_dict | refused
        headers = {"Authorization": "Bearer weir_abcdefghij_klmnopqrstuvwxyz"}
        client.cookies["sessionid"] = "a" * 32
        content = () if body is None else (json.dumps(body), "application/json")
        answer = getattr(client, method)(path, *content, headers=headers)
        return answer.status_code, answer.has_header("Retry-After")

    with ThreadPoolExecutor(1) as other:
        answers = {name: other.submit(ask, *road).result() for name, road in ROADS.items()}
    assert {name: answer for name, answer in answers.items() if answer != (503, True)} == {}
