from governance.scopes.models import Scope
from tests.allocation.attribution_rules import SEARCH, apply_rules, use
from tests.allocation.conftest import Client


def test_who_sees_a_part_of_an_organisation_is_told_nothing_of_the_whole(
    acme: Scope, search: Scope, client_of: Client
) -> None:
    apply_rules()
    use(acme, SEARCH)
    client = client_of(search, "usage:read")
    assert client.get("/api/v1/attribution/coverage").json()["organisations"] == []
    assert client.get("/api/v1/attribution/coverage?organisation=acme").status_code == 404
    assert client.post("/api/v1/attribution/preview", {"organisation": "acme"}, format="json").status_code == 404
    assert client.get("/api/v1/attribution/rules").json()["results"] == []
    assert client.get("/api/v1/attribution/keys").json()["results"] == []
