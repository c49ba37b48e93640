"""The published API says what the routes do: lists are pages, refusals problems, and events have their schema."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = yaml.load((ROOT / "docs/reference/openapi.yaml").read_text(), Loader=yaml.CSafeLoader)
SCHEMAS = PUBLISHED["components"]["schemas"]


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in PUBLISHED["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def schema_of(operation: dict[str, Any], status: str) -> dict[str, Any]:
    content = next(iter(operation["responses"][status]["content"].values()))
    found: dict[str, Any] = content["schema"]
    return SCHEMAS[found["$ref"].rpartition("/")[2]] if "$ref" in found else found


def test_no_list_is_a_bare_array_and_every_page_is_asked_for_by_cursor_and_limit() -> None:
    pages = 0
    for path, method, operation in operations():
        if method != "get" or "200" not in operation["responses"]:
            continue
        answer = schema_of(operation, "200")
        assert answer.get("type") != "array", path
        if {"next", "previous", "results"} <= answer.get("properties", {}).keys():
            pages += 1
            assert {"cursor", "limit"} <= {parameter["name"] for parameter in operation["parameters"]}, path
    assert pages >= 30


def test_every_operation_says_by_which_statuses_it_is_refused() -> None:
    """Each as a problem; what takes no body is not refused for one, and what names nothing does not miss it."""
    for path, method, operation in operations():
        refused = {status for status in operation["responses"] if status >= "4"}
        assert {"401", "403", "429", "503"} <= refused, path
        assert "default" not in operation["responses"], path
        assert ({"413", "415"} <= refused) == (method in {"post", "patch"}), path
        assert "404" in refused or "{" not in path, path
    for answer in PUBLISHED["components"]["responses"].values():
        assert answer["content"] == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert SCHEMAS["Problem"]["required"] == ["type", "title", "status", "code", "detail", "instance"]


def test_every_operation_says_that_it_may_have_to_wait_and_for_how_long() -> None:
    for path, _, operation in operations():
        for status, name in (("429", "TooManyRequests"), ("503", "NotNow")):
            assert operation["responses"][status] == {"$ref": f"#/components/responses/{name}"}, path
    for name in ("TooManyRequests", "NotNow"):
        answer = PUBLISHED["components"]["responses"][name]
        assert answer["headers"]["Retry-After"]["schema"] == {"type": "integer"}
        assert answer["content"] == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


@pytest.mark.parametrize(("path", "event"), [("/api/v1/usage", "UsageEvent"), ("/api/v1/outcomes", "OutcomeEvent")])
def test_events_have_their_schema(path: str, event: str) -> None:
    operation = PUBLISHED["paths"][path]["post"]
    reference = {"$ref": f"#/components/schemas/{event}"}
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {
        "oneOf": [{"type": "array", "items": reference}, reference]
    }
    assert {"id", "source", "occurred_at"} <= set(SCHEMAS[event]["required"])
    assert schema_of(operation, "422")["properties"].keys() >= {"code", "detail", "accepted", "duplicate", "rejected"}
