"""What siblings, the organisation and other organisations have leaves no trace in lists, totals, counts, choices of
filters and numbers of statements: every page is the same, byte for byte, before and after they have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import time_machine
from django.contrib import admin
from django.test import Client

from governance.people.models import User
from governance.scopes.models import Scope
from tests.adversary.isolation_pages import Answer, asked, routes, warm, what_differs
from tests.adversary.isolation_requests import request_of
from tests.adversary.isolation_world import AT, World, begin, fill_beside, fill_elsewhere, go_on, signed_in
from tests.meta.test_authorisation import MATRIX, key_client

pytestmark = [pytest.mark.adversary("isolation"), pytest.mark.long, pytest.mark.xdist_group("isolation of counts")]
TEAM = "acme/search"
# Models whose pages show figures or rows beside the row itself.
OF_OTHER_ROWS = {
    "governance.scope", "governance.user", "governance.channel", "allocation.scopeeconomics", "allocation.anomaly",
    "allocation.importrun", "allocation.focusimport", "allocation.usagerecord", "allocation.allocatedcharge",
    "allocation.quarantinedusage", "budgets.budget", "budgets.account", "policies.alert", "policies.constraint",
}  # fmt: skip


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def endpoints(world: World) -> Iterator[str]:
    """Those that look, of the team and of no place."""
    for name in MATRIX:
        request = request_of(name, world, "own") if name.startswith("GET") else None
        if request is not None:
            yield request.path


def pages(client: Client) -> Iterator[str]:
    """Lists of every model and the page of the first row; what they offer as one types; and pages without a row."""
    for model in admin.site._registry:
        base = f"/admin/{model._meta.label_lower.replace('.', '/')}/"
        yield base
        for field in model._meta.fields:
            if field.related_model in {Scope, User}:
                asking = f"app_label={model._meta.app_label}&model_name={model._meta.model_name}"
                yield f"/admin/autocomplete/?{asking}&field_name={field.name}&term="
        if model._meta.label_lower not in OF_OTHER_ROWS:
            continue
        row = re.search(rf'href="({base}[^"/]+/change/)', client.get(base).content.decode())
        if row is not None:
            yield row[1]
    for path, _ in routes():
        if path.startswith("admin/") and not {"<", "("} & set(path) and "logout" not in path:
            yield f"/{path}"
    yield from ("/admin/search/?s=words", "/admin/search/?s=acme", "/admin/policies/", "/api/schema/")
    yield from ("/admin/policies/alert/?q=words", "/admin/budgets/budget/?q=words", "/admin/governance/scope/?q=a")
    yield "/admin/governance/unitcosttarget/add/"


def seen(client: Client, addresses: list[str]) -> dict[str, Answer]:
    warm(client)
    # What its first making in a process asks the database, no later one does.
    client.get("/api/schema/")
    return {address: asked(client, "GET", address) for address in addresses}


def test_every_answer_is_the_same_whatever_others_have(db: None) -> None:
    world = begin()
    person, key = signed_in(world.people["finops", TEAM]), key_client(TEAM, "admin")
    # The list of keys says when one was used.
    warm(key)
    asking = {person: [*endpoints(world), *dict.fromkeys(pages(warm(person)))], key: list(endpoints(world))}
    before = {client: seen(client, addresses) for client, addresses in asking.items()}
    assert len(before[person]) > 150
    go_on(world)
    for client, addresses in asking.items():
        after = seen(client, addresses)
        assert {
            address: what_differs(was, after[address])
            for address, was in before[client].items()
            if was != after[address]
        } == {}


def test_an_organisation_finds_no_trace_of_another(db: None) -> None:
    """Who sees all of one asks the endpoints; the pages ask by the same rule."""
    world = begin()
    fill_beside(world)
    person = signed_in(world.people["finance", "acme"])
    asking = (request_of(name, world, "parent") for name in MATRIX if name.startswith("GET"))
    addresses = [request.path for request in asking if request is not None]
    before = seen(person, addresses)
    assert len(before) > 40
    fill_elsewhere(world)
    after = seen(person, addresses)
    assert {
        address: what_differs(was, after[address]) for address, was in before.items() if was != after[address]
    } == {}
