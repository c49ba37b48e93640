import pytest
from django.test.utils import CaptureQueriesContext

from governance.scopes.models import Scope
from tests.allocation.attribution_rules import RULES, apply_rules
from tests.allocation.conftest import Client


def test_rule_sets_and_keys_over_http(acme: Scope, client_of: Client) -> None:
    apply_rules()
    apply_rules(RULES.replace("team: never", "team: nobody"))
    client = client_of(acme, "usage:read")
    listed = client.get("/api/v1/attribution/rules").json()["results"]
    assert [(row["name"], row["version"], row["keys"], row["rules"]) for row in listed] == [("acme", 2, 1, 3)]
    detail = client.get("/api/v1/attribution/rules/acme").json()
    assert detail["document"]["rules"][0]["if"] == 'service_tier == "batch" && attributes.team == "search"'
    keys = client.get("/api/v1/attribution/keys?kind=key_alias&value=ranker-7").json()["results"]
    assert [(key["rule_set"], key["scope"]) for key in keys] == [("acme", "acme/search/ranker")]
    assert client.get("/api/v1/attribution/keys?valeu=x").status_code == 400
    assert client.get("/api/v1/attribution/rules/none").status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_the_lists_take_the_same_queries_for_one_and_for_three(acme: Scope, client_of: Client, count: int) -> None:
    from django.db import connection

    for number in range(count):
        apply_rules(RULES.replace("name: acme", f"name: set-{number}"))
    client = client_of(acme, "usage:read")
    client.get("/api/v1/attribution/rules")
    for path in ("rules", "keys"):
        with CaptureQueriesContext(connection) as captured:
            assert len(client.get(f"/api/v1/attribution/{path}").json()["results"]) == count
        assert len(captured) == 2  # the key, the rows
