import json
from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from tests.allocation.conftest import document

MEGABYTE = 1024 * 1024


NOW = timezone.now() - timedelta(minutes=2)


def post(sender: APIClient, body: bytes, *, path: str = "usage", kind: str = "application/json", **headers: str) -> Any:
    return sender.generic("POST", f"/api/v1/{path}", body, kind, headers=headers)


def one(**changes: Any) -> dict[str, Any]:
    return document(**{"occurred_at": NOW.isoformat(), **changes})


def fresh(**changes: Any) -> bytes:
    return json.dumps(one(**changes)).encode()


def counts(answer: Any) -> tuple[int, int, list[tuple[int, str]]]:
    body = answer.json()
    is_refused_whole = bool(body["rejected"]) and not body["accepted"] and not body["duplicate"]
    assert answer.status_code == (422 if is_refused_whole else 200), answer.content
    return body["accepted"], body["duplicate"], [(row["index"], row["code"]) for row in body["rejected"]]
