"""Every list reads its parameters alike: one that is misspelt is refused, a scope not seen is a scope not there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from governance.organisations.operations import create_api_key, create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope

OPENAPI = Path(__file__).resolve().parents[2] / "docs" / "reference" / "openapi.yaml"
SYSTEM = Actor.system()
# What must be given besides, that the scope comes into question.
REQUIRED = {"organisation": "acme", "period": "2026-10"}


def gets() -> Iterator[tuple[str, set[str], set[str]]]:
    """Every GET that shows more than one named thing: path, its parameters, those that must be given."""
    for path, methods in yaml.safe_load(OPENAPI.read_text())["paths"].items():
        if "get" in methods and not path.endswith("}"):
            parameters = [one for one in methods["get"].get("parameters", ()) if one["in"] == "query"]
            needed = {one["name"] for one in parameters if one.get("required")}
            yield re.sub(r"\{\w+\}", "1", path), {one["name"] for one in parameters}, needed


LISTS = list(gets())


@pytest.fixture
def http(acme: Scope) -> Client:
    """With a key of acme; there is globex, which it does not see."""
    now = timezone.now()
    create_scope(slug="globex", kind="organisation", parent=None, currency="EUR", actor=SYSTEM, at=now)
    _, secret = create_api_key(scope=acme, permissions=["admin"], actor=SYSTEM, at=now)
    return Client(HTTP_AUTHORIZATION=f"Bearer {secret}")


@pytest.mark.parametrize("path", [path for path, _, _ in LISTS])
def test_a_misspelt_filter_is_refused(http: Client, path: str) -> None:
    answer = http.get(path, {"scpoe": "acme"})

    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed"), answer.content
    assert {"field": "scpoe", "code": "parameter_unknown", "detail": "There is no such parameter."} in answer.json()[
        "errors"
    ]


def asked(http: Client, path: str, needed: set[str], name: str, value: str) -> tuple[int, Any]:
    answer = http.get(path, {**{each: REQUIRED[each] for each in needed - {name}}, name: value})
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("path", "needed", "name"),
    [
        pytest.param(path, needed, name, id=f"{path}?{name}")
        for path, parameters, needed in LISTS
        for name in sorted(parameters & {"scope", "organisation"})
    ],
)
def test_a_scope_that_is_not_seen_is_one_that_is_not_there(
    http: Client, path: str, needed: set[str], name: str
) -> None:
    unseen = asked(http, path, needed, name, "globex")
    absent = asked(http, path, needed, name, "nowhere")

    assert (unseen[0], unseen[1]["code"]) == (404, "scope_unknown")
    assert [unseen[1][part].replace("globex", "nowhere") for part in ("detail", "instance")] == [
        absent[1][part] for part in ("detail", "instance")
    ]
    assert (absent[0], absent[1]["code"]) == (404, "scope_unknown")
