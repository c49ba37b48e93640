"""A client generated from the published API, as a user makes one, against a running server."""

import importlib
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pytest_django.live_server_helper import LiveServer

from governance.organisations.operations import create_api_key, create_scope
from governance.people.rules import Actor

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "weir_generated_client"
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Imports a module of the generated package."""
    folder = tmp_path_factory.mktemp("client")
    tools = Path(sys.executable).parent
    ran = subprocess.run(
        [tools / "openapi-python-client", "generate", "--path", ROOT / "docs/reference/openapi.yaml", "--meta", "none",
         "--output-path", folder / PACKAGE],
        env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    skipped = [line for line in ran.stdout.splitlines() if line.startswith(("Unsupported", "ERROR"))]
    assert set(skipped) <= {
        "Unsupported content type application/x-ndjson", "Unsupported content type application/x-protobuf",
    }  # fmt: skip
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"{PACKAGE}.{name}")
    sys.path.remove(str(folder))


@pytest.fixture
def client(generated: Any, live_server: LiveServer) -> Any:
    at = datetime.now(UTC)
    acme = create_scope(slug="acme", kind="organisation", parent=None, actor=Actor.system(), at=at)
    _, text = create_api_key(scope=acme, permissions=["usage:read", "usage:write"], actor=Actor.system(), at=at)
    with generated("client").AuthenticatedClient(base_url=live_server.url, token=text) as client:
        yield client


def event(generated: Any, identifier: str, **more: Any) -> Any:
    known = {"id": identifier, "source": "test", "occurred_at": NOW, "provider": "openai", "model": "gpt-4o"}
    return generated("models").UsageEvent(**{**known, "scope": "acme", "task_id": f"task-{identifier}", **more})


def test_it_posts_events_and_lists_usage_quarantine_and_tasks(generated: Any, client: Any) -> None:
    posted, models = generated("api.usage.usage_post"), generated("models")
    tokens = models.Tokens(input_=100, output=10)
    several = [event(generated, "a", tokens=tokens), event(generated, "b"), event(generated, "c", scope="acme/nowhere")]
    answer = posted.sync(client=client, body=several)
    assert (answer.accepted, answer.duplicate, [(one.index, one.code) for one in answer.rejected]) == (
        2, 0, [(2, "scope_unknown")],
    )  # fmt: skip
    again = posted.sync(client=client, body=several[0])
    assert (again.accepted, again.duplicate, again.rejected) == (0, 1, [])

    page = generated("api.usage.usage_list").sync(client=client, limit=1)
    assert (len(page.results), page.previous) == (1, None)
    cursor = page.next_.split("cursor=")[1].split("&")[0]
    rest = generated("api.usage.usage_list").sync(client=client, limit=1, cursor=unquote(cursor))
    assert sorted(one.event_id for one in (*page.results, *rest.results)) == ["a", "b"]
    assert {one.input_tokens for one in (*page.results, *rest.results)} == {100, 0}
    waiting = generated("api.quarantine.quarantine_list").sync(client=client)
    assert [(one.code, one.field) for one in waiting.results] == [("scope_unknown", "scope")]
    tasks = generated("api.tasks.tasks_list").sync(client=client)
    assert sorted(task.task_id for task in tasks.results) == ["task-a", "task-b"]


def test_a_batch_refused_whole_and_a_refusal_are_told_apart(generated: Any, client: Any) -> None:
    posted, models = generated("api.usage.usage_post"), generated("models")
    refused = posted.sync_detailed(client=client, body=[event(generated, "a", scope="acme/nowhere")])
    assert (refused.status_code, refused.parsed.code, refused.parsed.rejected[0].code) == (
        422, "nothing_accepted", "scope_unknown",
    )  # fmt: skip
    assert generated("api.quarantine.quarantine_list").sync(client=client).results[0].code == "scope_unknown"
    with generated("client").AuthenticatedClient(base_url=client._base_url, token="weir_no_key") as stranger:
        problem = generated("api.usage.usage_list").sync_detailed(client=stranger)
    assert isinstance(problem.parsed, models.Problem)
    assert (problem.status_code, problem.parsed.code) == (401, "key_invalid")
    wrong = generated("api.usage.usage_list").sync_detailed(client=client, limit=1, cursor="nonsense")
    assert (wrong.status_code, [error.field for error in wrong.parsed.errors]) == (400, ["cursor"])
