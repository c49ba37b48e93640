from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from governance.scopes.models import Scope
from tests.allocation.variance.used import ASKED

pytestmark = pytest.mark.django_db


def test_the_ranking_has_pages_and_leads_to_each_scope(acme: Scope, usage: None, client_of: Any) -> None:
    http = client_of(acme, "usage:read")
    page, paths = f"/api/v1/movement/scopes?{ASKED}&limit=2", []
    while page:
        answer = http.get(page).json()
        paths += [row["scope"] for row in answer["results"]]
        page = answer["next"]
    assert paths == ["acme", "acme/search", "acme/ads"]
    back = http.get(answer["previous"]).json()
    assert [row["scope"] for row in back["results"]] == ["acme", "acme/search"]
    assert back["previous"] is None
    row = back["results"][1]
    assert http.get(row["movement"]).json()["change"] == row["change"]
    assert parse_qs(urlsplit(row["records_after"]).query)["until"] == ["2026-11-01T00:00:00Z"]
    assert http.get("/api/v1/movement/scopes?cursor=nonsense").status_code == 400
    assert [row["scope"] for row in http.get(f"/api/v1/movement/scopes?{ASKED}&scope=acme/ads").json()["results"]] == [
        "acme/ads"
    ]
