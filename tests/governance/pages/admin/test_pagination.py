import pytest
from django.core.paginator import Page

from governance.organisations.operations import create_scope
from governance.pages.admin import pagination
from governance.pages.admin.pagination import BoundedPaginator, MoreThan
from governance.people.models import User
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, Person
from tests.governance.test_admin import signed_in


@pytest.fixture
def teams(acme: Scope) -> list[Scope]:
    return [create_scope(slug=f"team-{number}", kind="team", parent=acme, actor=SYSTEM, at=AT) for number in range(7)]


def page(counted_max: int, number: int, monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setattr(pagination, "ROWS_COUNTED_MAX", counted_max)
    return BoundedPaginator(Scope.objects.filter(kind="team").order_by("path"), 2).page(number)


def test_a_list_is_counted_to_a_bound_and_says_that_there_is_more(
    teams: list[Scope], monkeypatch: pytest.MonkeyPatch
) -> None:
    bounded = page(6, 3, monkeypatch)
    assert (bounded.paginator.count, bounded.paginator.num_pages) == (MoreThan(6), 3)
    assert f"{bounded.paginator.count}" == "more than 6"
    assert [scope.slug for scope in bounded] == ["team-4", "team-5"]


def test_a_list_within_the_bound_has_its_exact_count(teams: list[Scope], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = page(7, 4, monkeypatch)
    assert (str(whole.paginator.count), whole.paginator.num_pages) == ("7", 4)
    assert [scope.slug for scope in whole] == ["team-6"]


def test_a_page_shows_that_there_is_more(teams: list[Scope], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "ROWS_COUNTED_MAX", 5)
    root = signed_in(User.objects.create_superuser("root@example.com", "a long password"))
    text = " ".join(root.get("/admin/governance/decisionrecord/").content.decode().split())
    assert "more than 5 decision records" in text


def test_a_page_does_not_list_every_scope_for_choice(teams: list[Scope], search: Scope) -> None:
    root = signed_in(User.objects.create_superuser("root@example.com", "a long password"))
    for path in ("governance/unitcosttarget/", "governance/unitcosttarget/add/", "governance/scope/add/"):
        assert "team-3" not in root.get(f"/admin/{path}").content.decode()
    asked = {"app_label": "governance", "model_name": "unitcosttarget", "field_name": "scope", "term": "team-3"}
    found = root.get("/admin/autocomplete/", asked).json()["results"]
    assert found == [{"id": str(teams[3].pk), "text": "acme/team-3"}]


def test_a_filter_names_the_scope_that_is_chosen_and_none_that_is_hidden(
    search: Scope, globex: Scope, person: Person
) -> None:
    ada = signed_in(person("ada@example.com", search, "finance"))
    shown = ada.get(f"/admin/governance/unitcosttarget/?scope__id__exact={search.pk}").content.decode()
    hidden = ada.get(f"/admin/governance/unitcosttarget/?scope__id__exact={globex.pk}").content.decode()
    assert f'value="{search.pk}" selected' in shown
    assert "globex" not in hidden
