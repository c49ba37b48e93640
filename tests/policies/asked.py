import json
from typing import Any

from django.test import Client


def ask(client: Client, body: Any, **headers: str) -> Any:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post("/api/v1/decisions", text, content_type="application/json", headers=headers)
