"""Whatever the schema lets a caller say, and much that it does not, is answered, and never by 500."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from governance.organisations.operations import create_api_key
from governance.people.models import KeyPermission
from governance.scopes.models import Scope
from tests.policies.conftest import AT, SYSTEM

pytestmark = [pytest.mark.adversary("whole schema"), pytest.mark.django_db, pytest.mark.long]
SCHEMA = schemathesis.openapi.from_path(str(Path(__file__).resolve().parents[2] / "docs/reference/openapi.yaml"))
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
EXAMPLES = settings(
    max_examples=12, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
KEY_PERMISSIONS = tuple(KeyPermission.values)


@pytest.fixture
def key(acme: Scope, search: Scope) -> str:
    return create_api_key(scope=acme, permissions=KEY_PERMISSIONS, actor=SYSTEM, at=AT)[1]


def asked(client: Client, key: str, case: Any) -> Any:
    body, content_type = case.body, case.media_type or "application/json"
    if isinstance(body, dict | list | int | float | bool | None):
        body = json.dumps(body)
    elif not isinstance(body, str | bytes):
        body = ""
    query = urlencode(dict(case.query or {}), doseq=True)
    return client.generic(
        case.method, f"{case.formatted_path}?{query}", body, content_type,
        headers={**{k: str(v) for k, v in (case.headers or {}).items()}, "Authorization": f"Bearer {key}"},
    )  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.label)
def test_no_operation_answers_500(key: str, operation: Any) -> None:
    client = Client(raise_request_exception=False)

    @EXAMPLES
    @given(st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
    def holds(case: Any) -> None:
        answer = asked(client, key, case)
        assert answer.status_code < 500, (answer.status_code, answer.content[:300])

    holds()
