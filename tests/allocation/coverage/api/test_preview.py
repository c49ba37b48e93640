from governance.scopes.models import Scope
from tests.allocation.attribution_rules import BATCH, SEARCH, use
from tests.allocation.conftest import Client

# --- over HTTP and on the command line


def test_a_preview_over_http(acme: Scope, client_of: Client) -> None:
    use(acme, SEARCH, BATCH)
    document = {
        "apiVersion": "weir/v1", "kind": "AttributionRules", "metadata": {"name": "acme"},
        "spec": {"organisation": "acme", "rules": [{"if": 'attributes.team == "search"', "scope": "acme/search"}]},
    }  # fmt: skip
    asked = {"document": document, "since": "2026-11-01", "until": "2026-12-01"}
    answer = client_of(acme, "usage:read").post("/api/v1/attribution/preview", asked, format="json")
    assert answer.status_code == 200, answer.content
    said = answer.json()
    one = {"records": 2, "requests": 2, "tokens": 2200, "cost": "2.000000000"}
    assert said["movements"] == [
        {"from_scope": "acme/unattributed", "to_scope": "acme/search", "used": one, "share": "1.000000"}
    ]
    assert (said["before"]["maturity"], said["after"]["maturity"], said["moved"]) == ("below_crawl", "run", one)
    assert said["changes"] == [{"name": "acme", "action": "create", "differences": []}]


def test_a_mistake_in_a_proposal_over_http_is_named(acme: Scope, client_of: Client) -> None:
    document = {
        "apiVersion": "weir/v1", "kind": "AttributionRules", "metadata": {"name": "acme"},
        "spec": {"organisation": "acme", "rules": [{"name": "r", "if": 'modle == "x"', "scope": "acme/search"}]},
    }  # fmt: skip
    answer = client_of(acme, "usage:read").post("/api/v1/attribution/preview", {"document": document}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "document_invalid")
    assert "spec.rules[0].if: rule r: `modle` is not declared (did you mean `model`?)" in answer.json()["detail"]
