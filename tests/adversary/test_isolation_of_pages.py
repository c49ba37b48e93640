"""Every page and action of the admin × own, sibling, parent and other organisation, as docs/isolation.md says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
import time_machine
from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django.db.models import Model, UUIDField
from django.test import Client, RequestFactory

from governance.people.models import Persona, User
from governance.scopes.models import Scope
from tests.adversary.isolation_pages import Answer, asked, routes, warm
from tests.adversary.isolation_requests import NO_ROW, NOBODY, NOWHERE
from tests.adversary.isolation_table import LOOKUPS, MODELS, OTHER_PAGES, PERSONAS
from tests.adversary.isolation_world import AT, PLACES, World, begin, go_on, signed_in

pytestmark = [pytest.mark.adversary("isolation"), pytest.mark.long, pytest.mark.xdist_group("isolation of pages")]
TEAM = "acme/search"
USUAL = ("/change/", "/history/", "/delete/")
FOREIGN = ("sibling", "parent", "other")
NAMES = sorted(MODELS)
REGISTERED = {model._meta.label_lower: page for model, page in admin.site._registry.items()}


@pytest.fixture(scope="module")
def made(kept_rows: None) -> tuple[World, dict[str, Client]]:
    with time_machine.travel(AT, tick=False):
        world = begin()
        go_on(world)
        return world, {persona: warm(signed_in(world.people[persona, TEAM])) for persona in Persona.values}


@pytest.fixture
def persons(made: tuple[World, dict[str, Client]], db: None) -> Iterator[dict[str, Client]]:
    with time_machine.travel(AT, tick=False):
        warm(made[1]["finops"])
        yield made[1]


def model_of(name: str) -> type[Model]:
    return apps.get_model(name)


def base(name: str) -> str:
    return f"/admin/{name.replace('.', '/')}/"


def own_pages(name: str) -> dict[str, str]:
    """By its name, the address of each page that the model has beside the usual ones."""
    prefix = base(name).removeprefix("/")
    found = {}
    for path, _ in routes():
        below = path.removeprefix(prefix).removeprefix("<path:object_id>/").rstrip("/")
        if path.startswith(prefix) and below not in {"", "add", "history", "delete", "change"}:
            found[below] = f"/{path}"
    return found


def row_at(name: str, place: str) -> Any:
    """The number of a row of the place; None where there is none, as of what belongs to an organisation for a team."""
    if place == NOWHERE:
        return UUID(int=NO_ROW) if isinstance(model_of(name)._meta.pk, UUIDField) else NO_ROW
    belongs_to = MODELS[name].belongs_to
    # What is one's own is nobody else's of the same team.
    lookup = None if belongs_to == "oneself" and place == "own" else LOOKUPS.get(belongs_to)
    rows = model_of(name)._default_manager.all()
    return None if lookup is None else rows.filter(**{lookup: PLACES[place][0]}).values_list("pk", flat=True).first()


def answer_of(client: Client, method: str, path: str, pk: Any, **body: str) -> Answer:
    with transaction.atomic():
        answer = asked(client, method, path, urlencode(body), same=(path, str(pk)))
        transaction.set_rollback(True)
    return answer


def test_the_table_has_every_model_and_each_of_its_pages() -> None:
    assert sorted(REGISTERED) == NAMES
    told = {name: set(MODELS[name].pages) for name in NAMES}
    assert told == {name: {*own_pages(name), *actions_of(name)} for name in NAMES}


def test_the_table_has_every_other_address() -> None:
    of_models = tuple(base(name).removeprefix("/") for name in NAMES)
    others = {path for path, _ in routes() if not path.startswith((*of_models, "api/v1/"))}
    assert {f"/{path}" for path in others} == set(OTHER_PAGES)


def actions_of(name: str) -> list[str]:
    return [f"action {getattr(each, '__name__', each)}" for each in REGISTERED[name].actions]


def persons_user(client: Client) -> User:
    return User.objects.get(pk=client.session["_auth_user_id"])


def row_pages(name: str) -> list[str]:
    own = [path for path in own_pages(name).values() if "<path:object_id>" in path]
    return [*(f"{base(name)}<path:object_id>/{page}/" for page in ("change", "history", "delete")), *own]


@pytest.mark.parametrize("name", NAMES)
def test_a_row_of_others_is_answered_like_one_that_is_not_there(persons: dict[str, Client], name: str) -> None:
    """Each page of a row by every persona, looked at and sent; and every action of the list."""
    if MODELS[name].belongs_to in {"installation", "all"}:
        return
    for index, (persona, client) in enumerate(persons.items()):
        is_turn = index == NAMES.index(name) % len(PERSONAS)
        for page in row_pages(name):
            # The usual pages are alike for all: each persona looks, one of them does the rest.
            is_usual = page.startswith(f"{base(name)}<path:object_id>/") and page.endswith(USUAL)
            for method in ("GET", "POST") if is_turn else () if is_usual and not page.endswith("change/") else ("GET",):
                answers = {
                    place: answer_of(client, method, page.replace("<path:object_id>", str(pk)), pk)
                    for place in (*FOREIGN, NOWHERE)
                    if (pk := row_at(name, place)) is not None
                }
                assert len(answers) > 1
                assert set(answers.values()) == {answers[NOWHERE]}, f"{persona} {method} {page}: {answers}"
                assert answers[NOWHERE].status in {302, 403, 404}, f"{persona} {method} {page}"
        for action in (each for each, who in MODELS[name].pages.items() if each in actions_of(name) and persona in who):
            chosen = {"action": action.removeprefix("action "), "index": "0"}
            acted = {
                answer_of(client, "POST", base(name), pk, _selected_action=str(pk), **chosen)
                for place in (*FOREIGN, NOWHERE)
                if (pk := row_at(name, place)) is not None
            }
            assert len(acted) == 1, f"{persona} {action}: {acted}"


@pytest.mark.parametrize("name", NAMES)
def test_each_persona_opens_what_the_table_says(persons: dict[str, Client], name: str) -> None:
    model = MODELS[name]
    is_seen = model.belongs_to != "installation"
    for index, persona in enumerate(Persona.values):
        client = persons[persona]
        added = client.get(f"{base(name)}add/").status_code
        assert (added == 200) == (persona in model.adders), f"{persona} add: {added}"
        # What is drawn for one is drawn for all: once is enough.
        if index == NAMES.index(name) % len(PERSONAS):
            assert client.get(base(name)).status_code == (200 if is_seen else 403)
            if (pk := row_at(name, "own")) is not None:
                assert client.get(f"{base(name)}{pk}/change/").status_code == 200
                assert client.get(f"{base(name)}{pk}/delete/").status_code == 403
        request = RequestFactory().get("/")
        request.user = persons_user(client)
        offered = {f"action {action}" for action in REGISTERED[name].get_actions(request)}
        assert offered == {page for page, who in model.pages.items() if page.startswith("action ") and persona in who}
        for page, path in own_pages(name).items():
            pk = row_at(name, "own") if "<path:object_id>" in path else ""
            if pk is not None and "<int:" not in path:
                status = client.get(path.replace("<path:object_id>", str(pk))).status_code
                assert (status < 400) == (persona in model.pages[page]), f"{persona} {page}: {status}"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_sought_or_chosen_of_others_is_answered_like_what_is_not_there(
    persons: dict[str, Client], name: str
) -> None:
    """By search, by the filters' parameters, and by what is offered as one types."""
    if MODELS[name].belongs_to == "installation":
        return
    client = persons["finops"]
    # The nearest is told apart from nothing; what is further away comes in test_isolation_of_counts.py.
    words, scopes = (PLACES["sibling"][1], "wordsofnobody"), (Scope.objects.get(path="acme/ads").pk, NO_ROW)
    fields = [field for field in model_of(name)._meta.fields if field.related_model is not None]
    filters = [field.name for field in fields if field.related_model is Scope]
    found = set()
    for word, pk in zip(words, scopes, strict=True):
        chosen = {"q": word, **{f"{field}__id__exact": str(pk) for field in filters}}
        found.add(asked(client, "GET", f"{base(name)}?{urlencode(chosen)}", same=(word, str(pk))))
    assert len(found) == 1
    for field in fields:
        place = f"app_label={name.partition('.')[0]}&model_name={name.partition('.')[2]}&field_name={field.name}"
        for terms in (words, ("acme/ads", "globex", NOBODY)):
            asking = f"/admin/autocomplete/?{place}&term="
            offered = {asked(client, "GET", f"{asking}{term}", same=(term,)) for term in terms}
            assert len(offered) == 1, f"{field.name}: {offered}"
