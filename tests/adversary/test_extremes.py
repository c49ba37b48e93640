"""Dates at the ends of the calendar, NUL, lone surrogates, unusual methods, long and doubled parameters and deep JSON,
at every endpoint and page of the URL table: nothing answers 500.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.apps import apps
from django.db import transaction
from django.db.models import DateField
from django.test import Client

from governance.people.models import User
from tests.adversary.api_conformance import PUBLISHED
from tests.adversary.isolation_pages import routes
from tests.adversary.isolation_requests import request_of
from tests.adversary.isolation_table import MODELS
from tests.adversary.isolation_world import AT, World, begin, signed_in
from tests.meta.test_authorisation import MATRIX, NAMES, key_client

pytestmark = [pytest.mark.adversary("extremes"), pytest.mark.long, pytest.mark.xdist_group("extremes")]
METHODS = ("TRACE", "PROPFIND", "get", "X" * 2000)
# The first and last moments, one beyond, none at all, a leap second; and offsets that lead out of the calendar.
MOMENTS = (
    "0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "2016-12-31T23:59:60Z", "2026-11-24T12:00:00+99:99",
)  # fmt: skip
PERIODS = (*product(MOMENTS[:2], MOMENTS[:2]), *((moment, moment) for moment in MOMENTS[2:]))
MONTHS = ("0001-01", "9999-12", "10000-01", "2026-13", "0000-00")
TEXTS = ("a\x00b", "\ud800", "\U0010ffff" * 300, "9" * 400, "1e999")
NAMED = ("-1", "9" * 30, "%00", "%ED%A0%80", "a" * 3000, "_00")
SINCE, UNTIL = {"from", "since", "effective_from"}, {"to", "until", "effective_to"}
DATES = re.compile(r"^\d{4}-\d\d(-\d\d.*)?$")


@pytest.fixture(scope="module")
def made(kept_rows: None) -> tuple[World, Client, Client]:
    with time_machine.travel(AT, tick=False):
        world = begin()
        key = key_client("acme", "admin", made_by=world.people["engineering", "acme"])
        return world, key, signed_in(User.objects.create_superuser("root@example.com", "a long password"))


@pytest.fixture
def world(made: tuple[World, Client, Client], db: None) -> Iterator[World]:
    with time_machine.travel(AT, tick=False):
        yield made[0]


@pytest.fixture
def key(made: tuple[World, Client, Client]) -> Client:
    client = made[1]
    client.raise_request_exception = False
    return client


def check(client: Client, method: str, path: str, body: str | bytes = "", **headers: str) -> None:
    content_type = "application/x-www-form-urlencoded" if path.startswith("/admin/") else "application/json"
    with transaction.atomic():
        answer = client.generic(method, path, body, content_type, headers=headers)
        told = answer.getvalue()
        transaction.set_rollback(True)
    assert answer.status_code < 500, f"{method[:20]} {path[:300]} {body[:300]!r}: {answer.status_code} {told[:300]!r}"


def own(world: World, name: str) -> Any:
    request = request_of(name, world, "own") or request_of(name, world, "parent")
    assert request is not None
    return request


def parameters_of(name: str) -> list[str]:
    method, path = name.split(" ")
    for published, operations in PUBLISHED["paths"].items():
        if re.sub(r"\{\w+\}", "{}", published) == "/api/v1" + re.sub(r"\{\w+\}", "{}", path):
            told = operations.get(method.lower(), {}).get("parameters", [])
            return [each["name"] for each in told if each["in"] == "query"]
    return []


def queries(name: str) -> Iterator[str]:
    """Beside what the endpoint needs."""
    asked = parameters_of(name)
    since, until = ([each for each in asked if each in names] for names in (SINCE, UNTIL))
    if since or until:
        for first, last in PERIODS:
            period = [*(f"{each}={first}" for each in since), *(f"{each}={last}" for each in until)]
            yield "&".join(period).replace("+", "%2B")
    for month in MONTHS if "month" in asked else ():
        yield f"month={month}"
    for each in asked:
        yield f"{each}=%00&{each}=%ED%A0%80"
    yield from ("x=1&" * 2000, f"scope={'a/' * 20_000}", "limit=-1", f"limit={'9' * 30}", "cursor=%00")


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("GET")])
def test_whatever_is_asked_for(world: World, key: Client, name: str) -> None:
    path, _, needed = own(world, name).path.partition("?")
    for query in queries(name):
        said = {each.partition("=")[0] for each in query.split("&")}
        kept = [each for each in needed.split("&") if each and each.partition("=")[0] not in said]
        check(key, "GET", f"{path}?{'&'.join((*kept, query))}")


def changed(document: Any, value: object, *, dates: bool) -> Any:
    """With the value in place of every text, or of every date."""
    match document:
        case dict():
            return {name: changed(each, value, dates=dates) for name, each in document.items()}
        case list():
            return [changed(each, value, dates=dates) for each in document]
        case str() if not dates or DATES.match(document):
            return value
        case _:
            return document


def bodies(body: str) -> Iterator[str]:
    yield from ("[" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000, '"\\ud800"', "\x00", '{"\\u0000": 1}', "1e999")
    if not body:
        return
    document = json.loads(body)
    yield from (json.dumps(changed(document, text, dates=False)) for text in TEXTS)
    if DATES.search(body) or re.search(r'"\d{4}-\d\d', body):
        yield from (json.dumps(changed(document, moment, dates=True)) for moment in (*MOMENTS, *MONTHS))
    if isinstance(document, dict):
        periods = {name: number for number, names in enumerate((SINCE, UNTIL)) for name in names & document.keys()}
        for period in PERIODS if periods else ():
            yield json.dumps({**document, **{name: period[number] for name, number in periods.items()}})


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("POST")])
def test_whatever_is_sent(made: tuple[World, Client, Client], world: World, key: Client, name: str) -> None:
    """By a key, and by a person where no key is heard."""
    request = own(world, name)
    client = key if MATRIX[name].by == "key" else made[2]
    client.raise_request_exception = False
    for body in bodies(request.body):
        check(client, "POST", request.path, body)
    for header in ("a\x00b", "\u00fc" * 300, "9" * 5000):
        check(client, "POST", request.path, request.body, **{"Idempotency-Key": header, "Accept": header})


def addresses() -> list[str]:
    """Every path of the URL table that names something, with a hole for its name."""
    found = {re.sub(r"<[^>]+>|\(\?P<\w+>[^)]*\)", "{}", f"/{path}") for path, _ in routes()}
    return sorted(path for path in found if "{}" in path)


@pytest.mark.parametrize("path", addresses())
def test_whatever_is_named(made: tuple[World, Client, Client], world: World, key: Client, path: str) -> None:
    made[2].raise_request_exception = False
    client = made[2] if path.startswith("/admin/") else key
    for name in NAMED:
        check(client, "GET", path.replace("{}", name))
    for method in METHODS:
        check(client, method, path.replace("{}", "999999999"))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_whatever_a_list_is_narrowed_to(made: tuple[World, Client, Client], world: World, name: str) -> None:
    client, base = made[2], f"/admin/{name.replace('.', '/')}/"
    client.raise_request_exception = False
    days = [field.name for field in apps.get_model(name)._meta.fields if isinstance(field, DateField)]
    narrowed: list[Mapping[str, str]] = [
        {f"{day}__gte": first, f"{day}__lt": last} for day in days[:1] for first, last in (MOMENTS[:2], MOMENTS[4:6])
    ]
    for query in (*narrowed, {"q": "a\x00b", "o": "9" * 30, "p": "-1"}, {"scope__id__exact": "9" * 30}):
        check(client, "GET", f"{base}?{urlencode(query)}")


# Of pages, whatever they call what they are asked about.
BEGINS, ENDS = ("since", "from", "first", "against_first", "start"), ("until", "to", "last", "against_last", "end")
OTHERS = ("at", "day", "month", "period", "occurred_at", "trend", "unit", "scope", "name")
AMONG = (
    *PERIODS, ("2026-11-01", "9999-12-31"), ("0001-01-01", "2026-11-30"), ("2026-11-01", "1000000000"), ("-1", "1e999"),
    ("2026-11-01\x00", "\ud800"), ("9" * 400, "2026-00-00"),
)  # fmt: skip


def pages_of_periods() -> list[str]:
    """Each page of the admin beside lists and forms, and that of a scope's unit economics, which replaces a form."""
    usual = ("add/", "change/", "history/", "delete/", "password/")
    pages = {f"/{path}" for path, _ in routes() if re.match(r"admin/\w+/\w+/.+/$", path) and not path.endswith(usual)}
    return sorted(
        {path for path in pages if "<int:" not in path} | {"/admin/allocation/scopeeconomics/<path:object_id>/change/"}
    )


@pytest.mark.parametrize("page", pages_of_periods())
def test_whatever_a_page_is_asked_about(made: tuple[World, Client, Client], world: World, page: str) -> None:
    client, model = made[2], apps.get_model(".".join(page.split("/")[2:4]))
    client.raise_request_exception = False
    own_row = model._default_manager.order_by("pk").last()
    path = page.replace("<path:object_id>", str(own_row.pk if own_row is not None else 1))
    shown = client.get(path).getvalue().decode()
    asks = any(f'name="{name}"' in shown for name in (*BEGINS, *ENDS))
    # What is compared with may be odd by itself.
    usual = {"first": "2026-11-01", "last": "2026-11-02"}
    against = {f"against_{name}": day for name, day in usual.items()}
    for first, last in AMONG if asks else AMONG[:1]:
        query = {**dict.fromkeys(BEGINS, first), **dict.fromkeys(ENDS, last), **dict.fromkeys(OTHERS, first)}
        query |= {"scope": "acme/search", "trend": "day"}
        for changes in ({}, usual, against, {"trend": "month"}, {"trend": first}) if asks else ({},):
            check(client, "GET", f"{path}?{urlencode(query | changes, errors='surrogatepass')}")


@pytest.mark.parametrize("name", sorted(name for name, model in MODELS.items() if model.adders))
def test_whatever_a_form_is_to_begin_with(made: tuple[World, Client, Client], world: World, name: str) -> None:
    """The address of a form that adds may say what stands in each of its fields."""
    client, path = made[2], f"/admin/{name.replace('.', '/')}/add/"
    client.raise_request_exception = False
    shown = client.get(path).getvalue().decode()
    fields = sorted({re.sub(r"_\d$", "", field) for field in re.findall(r'name="(\w+)"', shown)})
    for value in (*MOMENTS[:3], "9" * 400, "a\x00b", "\ud800"):
        check(client, "GET", f"{path}?{urlencode(dict.fromkeys(fields, value), errors='surrogatepass')}")
