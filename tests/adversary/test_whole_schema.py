"""Whatever the schema lets a caller say, and much that it does not, is answered as the schema says, and never by 500.

Each operation is asked by keys and persons in turn. `WEIR_TEST_EXAMPLES` and `WEIR_TEST_SEED` make a longer run with
other values; what fails is then kept in `kept`, and is tried again by every run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
import schemathesis
import time_machine
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from governance.people.models import KeyPermission, Persona
from tests.adversary.api_conformance import METHODS, PUBLISHED, check_documented, check_undocumented_method
from tests.adversary.isolation_requests import NOWHERE, request_of
from tests.adversary.isolation_world import AT, World, begin, signed_in
from tests.meta.test_authorisation import MATRIX, key_client

pytestmark = [pytest.mark.adversary("whole schema"), pytest.mark.long, pytest.mark.xdist_group("whole schema")]
KEPT = Path(__file__).parent / "kept"
EXAMPLES, SEED = int(os.environ.get("WEIR_TEST_EXAMPLES", "8")), int(os.environ.get("WEIR_TEST_SEED", "0"))
SCHEMA = schemathesis.openapi.from_dict(PUBLISHED)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
GENERATED = settings(
    max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
OTHER_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"}
# What each persona's programs hold.
KEYS = (
    ("admin",), ("usage:write", "decisions:read"), ("usage:read", "budgets:read", "scopes:read", "constraints:read"),
    ("budgets:write", "reservations:write", "alerts:write", "alerts:read", "guardrails:read", "guardrails:write"),
)  # fmt: skip


@pytest.fixture(scope="module")
def made(kept_rows: None) -> tuple[World, Sequence[Client]]:
    with time_machine.travel(AT, tick=False):
        world = begin()
        keys = [key_client("acme", *held, made_by=world.people["engineering", "acme"]) for held in KEYS]
        return world, [*keys, *(signed_in(world.people[persona, "acme"]) for persona in Persona.values)]


@pytest.fixture
def callers(made: tuple[World, Sequence[Client]], db: None) -> Iterator[Sequence[Client]]:
    with time_machine.travel(AT, tick=False):
        yield made[1]


def test_the_keys_hold_every_permission_between_them() -> None:
    assert {permission for held in KEYS for permission in held} == set(KeyPermission.values)


def text_of(case: Any) -> str | bytes:
    body: Any = case.body
    if isinstance(body, dict | list | int | float | bool | None):
        return json.dumps(body)
    return body if isinstance(body, str | bytes) else ""


def asked(client: Client, told: dict[str, Any], body: str | bytes) -> Any:
    """What it does is taken back."""
    with transaction.atomic():
        answer = client.generic(
            told["method"], f"{told['path']}?{urlencode(told['query'], doseq=True)}", body, told["content_type"],
            headers=told["headers"],
        )  # fmt: skip
        answer.getvalue()
        transaction.set_rollback(True)
    return answer


def is_no_route(answer: Any) -> bool:
    """A value that the path does not take: it is the route of no operation."""
    return answer.status_code == 404 and b'"route_unknown"' in answer.getvalue()


def keep(told: dict[str, Any], body: str | bytes, operation: str) -> None:
    text = body.decode("latin-1") if isinstance(body, bytes) else body
    kept = json.dumps({"operation": operation, **told, "body": text}, indent=1, sort_keys=True)
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{sha256(kept.encode()).hexdigest()[:12]}.json").write_text(kept + "\n")


def test_a_method_that_no_path_documents_is_answered_as_is_said_once(callers: Sequence[Client]) -> None:
    """But for the path that answers a proxy, which asks by the method of the call that it asks about."""
    for path, operations in PUBLISHED["paths"].items():
        if path.startswith("/api/v1/decisions/check"):
            continue
        address = path
        for told in (each for method in METHODS & set(operations) for each in operations[method].get("parameters", [])):
            of_its_kind = str(UUID(int=1)) if told["schema"].get("format") == "uuid" else "1"
            address = address.replace(f"{{{told['name']}}}", of_its_kind)
        for method in OTHER_METHODS - {method.upper() for method in operations}:
            check_undocumented_method(path, asked_by(callers[0], method, address))
    assert asked_by(Client(), "PUT", "/api/v1/budgets").status_code == 401


def asked_by(client: Client, method: str, address: str) -> Any:
    with transaction.atomic():
        answer = client.generic(method, address)
        answer.getvalue()
        transaction.set_rollback(True)
    return answer


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.label)
def test_every_operation_answers_as_documented(callers: Sequence[Client], operation: Any) -> None:
    turns = cycle(callers)

    @seed(SEED)
    @GENERATED
    @given(st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
    def holds(case: Any) -> None:
        headers = {name: str(value) for name, value in (case.headers or {}).items()}
        told = {
            "method": case.method, "path": case.formatted_path, "query": dict(case.query or {}), "headers": headers,
            "content_type": case.media_type or "application/json",
        }  # fmt: skip
        answer = asked(next(turns), told, text_of(case))
        try:
            assert answer.status_code != 500, answer.content[:300]
            if not is_no_route(answer):
                check_documented(case.method, operation.path, answer)
        except AssertionError:
            if "WEIR_TEST_SEED" in os.environ:
                keep(told, text_of(case), operation.path)
            raise

    holds()


def kept_cases() -> list[Path]:
    return sorted(KEPT.glob("*.json"))


@pytest.mark.parametrize("file", kept_cases(), ids=lambda each: each.stem)
def test_what_failed_once_is_answered_as_documented(callers: Sequence[Client], file: Path) -> None:
    told = json.loads(file.read_text())
    body, path = told.pop("body"), told.pop("operation")
    for client in callers:
        answer = asked(client, told, body.encode("latin-1"))
        assert answer.status_code != 500
        if not is_no_route(answer):
            check_documented(told["method"], path, answer)


DOCUMENTED = [name for name in MATRIX if "{below}" not in name]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_is_there_is_answered_as_documented(
    made: tuple[World, Sequence[Client]], callers: Sequence[Client], name: str
) -> None:
    """Rows, refusals of rights and what does not exist, of each caller; and a form that nothing is given in."""
    path = next(each for each in PUBLISHED["paths"] if re.sub(r"\{\w+\}", "{}", each) == "/api/v1" + re.sub(
        r"\{\w+\}", "{}", name.split(" ")[1]
    ))  # fmt: skip
    nobody = Client(headers={"Authorization": "Bearer weir_0123456789_wrong"})
    for place in ("own", "parent", NOWHERE):
        request = request_of(name, made[0], place)
        for client in [] if request is None else [*callers, nobody]:
            assert request is not None
            told = {
                "method": request.method, "path": request.path, "query": {}, "headers": {},
                "content_type": "application/json",
            }  # fmt: skip
            check_documented(request.method, path, asked_as_written(client, told, request.body))
            if client is callers[0]:
                told["headers"] = {"Accept": "image/png"}
                check_documented(request.method, path, asked_as_written(client, told, request.body))


def asked_as_written(client: Client, told: dict[str, Any], body: str) -> Any:
    with transaction.atomic():
        answer = client.generic(told["method"], told["path"], body, told["content_type"], headers=told["headers"])
        answer.getvalue()
        transaction.set_rollback(True)
    return answer
