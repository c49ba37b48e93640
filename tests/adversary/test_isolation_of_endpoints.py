"""Every endpoint × own, sibling, parent and other organisation × every persona and permission: docs/isolation.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import time_machine
from django.db import transaction
from django.test import Client

from governance.people.models import KeyPermission, User
from governance.people.rules import person_may_use
from tests.adversary.isolation_pages import Answer, asked, warm
from tests.adversary.isolation_requests import NOWHERE, request_of
from tests.adversary.isolation_table import AS_NOBODYS, ENDPOINTS, KINDS
from tests.adversary.isolation_world import AT, World, begin, go_on, signed_in
from tests.meta.test_authorisation import MATRIX, NAMES, key_client

pytestmark = [pytest.mark.adversary("isolation"), pytest.mark.long, pytest.mark.xdist_group("isolation of endpoints")]
TEAM, ORGANISATION = "acme/search", "acme"
EVERY_OTHER = tuple(permission for permission in KeyPermission.values if permission != KeyPermission.ADMIN)


# What changes a whole organisation is not for those who see a team of it.
OF_THE_WHOLE = {"organisation", "whole row"}


@dataclass(frozen=True)
class Callers:
    persons: dict[tuple[str, str], Client]
    keys: dict[tuple[str, ...], Client]


@pytest.fixture(scope="module")
def made(kept_rows: None) -> tuple[World, Callers]:
    with time_machine.travel(AT, tick=False):
        world = begin()
        go_on(world)
        author = User.objects.get(email="author@acme.example")
        alone = [(permission,) for permission in KeyPermission.values]
        all_but_one = [tuple(each for each in EVERY_OTHER if each != left_out) for left_out in EVERY_OTHER]
        return world, Callers(
            {who: warm(signed_in(user)) for who, user in world.people.items()},
            {held: warm(key_client(TEAM, *held, made_by=author)) for held in (*alone, *all_but_one)},
        )


@pytest.fixture
def world(made: tuple[World, Callers], db: None) -> Iterator[World]:
    """The process may have read another tree of scopes, and ids of content types, since."""
    with time_machine.travel(AT, tick=False):
        warm(made[1].keys["admin",])
        yield made[0]


@pytest.fixture
def callers(made: tuple[World, Callers]) -> Callers:
    return made[1]


def answer_of(world: World, client: Client, name: str, place: str, *, method: str = "") -> Answer | None:
    """By another method than the endpoint's where one is given. What has happened is taken back."""
    request = request_of(name, world, place)
    if request is None:
        return None
    with transaction.atomic():
        answer = asked(client, method or request.method, request.path, request.body, same=request.names)
        transaction.set_rollback(True)
    return answer


def test_the_table_has_every_endpoint_and_no_other() -> None:
    assert list(ENDPOINTS) == list(MATRIX)
    assert sorted(ENDPOINTS) == sorted(NAMES)


def test_the_table_says_what_a_key_needs_as_the_matrix_does() -> None:
    told = {name: (endpoint.permission, endpoint.takes_keys) for name, endpoint in ENDPOINTS.items()}
    assert told == {name: (*case.needs, case.by == "key") for name, case in MATRIX.items()}


def foreign_places(name: str) -> list[str]:
    return [place for place, answer in KINDS[ENDPOINTS[name].kind].items() if answer == AS_NOBODYS]


def own_place(name: str, scope: str) -> str:
    return "parent" if scope == ORGANISATION else "own"


@pytest.mark.parametrize("name", NAMES)
def test_persons_are_answered_as_the_table_says(world: World, callers: Callers, name: str) -> None:
    endpoint = ENDPOINTS[name]
    for (persona, scope), client in callers.persons.items():
        # Of a whole organisation one persona asks, and all where that decides.
        if scope == ORGANISATION and persona != "finance" and endpoint.kind not in OF_THE_WHOLE:
            continue
        who = f"{persona} of {scope}"
        places = foreign_places(name) if scope == TEAM else {"other"} & set(foreign_places(name))
        nobodys = answer_of(world, client, name, NOWHERE)
        assert nobodys is not None
        for place in places:
            assert answer_of(world, client, name, place) in {nobodys, None}, f"{who}: {place}"
        may_ask = endpoint.people and person_may_use(world.people[persona, scope], KeyPermission(endpoint.permission))
        if places:
            assert nobodys.status in ({404} if may_ask else {401, 403}), f"{who}: {nobodys}"
        own = answer_of(world, client, name, own_place(name, scope))
        if own is not None:
            may = persona in endpoint.people and (scope == ORGANISATION or endpoint.kind not in OF_THE_WHOLE)
            refused = {404} if may_ask and endpoint.kind == "organisation" and scope == TEAM else {401, 403}
            assert own.status in ({200, 201, 202} if may else refused), f"{who}: {own}"


def is_answered(answer: Answer) -> bool:
    """A decision that holds a call back is an answer, whatever its status tells the gateway."""
    return answer.status in {200, 201, 202} or ("Content-Type", "text/plain; charset=utf-8") in answer.headers


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_answered_as_the_table_says(world: World, callers: Callers, name: str) -> None:
    endpoint = ENDPOINTS[name]
    for held, client in callers.keys.items():
        if len(held) > 1 and endpoint.permission in held:
            continue
        own = answer_of(world, client, name, own_place(name, TEAM))
        if {endpoint.permission, "admin"}.isdisjoint(held):
            assert own is None or own.status == 403, held
            if len(held) > 1:
                others = {answer_of(world, client, name, place) for place in ("other", NOWHERE)} - {None}
                assert len(others) == 1, held
                assert own in {*others, None}, held
        elif len(held) == 1:
            nobodys = answer_of(world, client, name, NOWHERE)
            for place in foreign_places(name):
                assert answer_of(world, client, name, place) in {nobodys, None}, f"{held}: {place}"
            if own is not None and endpoint.kind != "organisation":
                assert is_answered(own) == endpoint.takes_keys, f"{held}: {own}"


@pytest.mark.parametrize("name", NAMES)
def test_whatever_it_is_asked_by_what_is_anothers_is_as_nobodys(world: World, callers: Callers, name: str) -> None:
    """By methods that only tell of it."""
    for client in (callers.persons["finance", TEAM], callers.keys["admin",]):
        for method in ("HEAD", "OPTIONS"):
            nobodys = answer_of(world, client, name, NOWHERE, method=method)
            for place in {"sibling", "other"} & set(foreign_places(name)):
                assert answer_of(world, client, name, place, method=method) in {nobodys, None}, f"{method} {place}"
