from typing import Any

import pytest

from allocation.attribution.models import AttributionKey
from allocation.attribution.operations import apply_attribution_rules
from allocation.usage.models import UsageRecord
from governance.errors import DomainError
from governance.organisations.operations import create_api_key
from governance.people.models import ApiKey
from governance.scopes.models import Scope
from tests.allocation.attribution_rules import BATCH, KEYED, RULES, SEARCH, apply_rules, rules, use
from tests.allocation.conftest import AT, SYSTEM, Client, document, make_organisation


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        pytest.param(SEARCH, ("acme/search", "acme:search"), id="a label"),
        pytest.param(BATCH, ("acme/ads", "acme:batch"), id="a condition, in its place in the order"),
        pytest.param(KEYED, ("acme/search/ranker", "acme:key_alias ranker-7"), id="a key before any rule"),
        pytest.param({**KEYED, "scope": "acme/ads"}, ("acme/ads", "explicit"), id="a named scope before all"),
        pytest.param({"service_tier": "batch"}, ("acme/unattributed", "unattributed"), id="nothing"),
    ],
)
def test_what_places_a_record(acme: Scope, changes: dict[str, Any], place: tuple[str, str]) -> None:
    apply_rules()
    use(acme, changes)
    record = UsageRecord.objects.get()
    assert (record.scope.path, record.attribution) == place


def test_a_rule_that_reads_no_attribute_places_calls_without_any(acme: Scope) -> None:
    apply_rules(RULES.replace(' && attributes.team == "search"', ""))
    use(acme, {"service_tier": "batch"})
    assert UsageRecord.objects.get().scope.path == "acme/ads"


def test_keys_of_every_set_come_before_rules_of_any(acme: Scope) -> None:
    apply_rules(RULES.replace("name: acme", "name: a").replace("ranker-7", "other"))
    apply_rules(RULES.replace("name: acme", "name: b"))
    use(acme, KEYED)
    assert UsageRecord.objects.get().attribution == "b:key_alias ranker-7"


def test_a_change_of_keys_is_a_new_version_and_told(acme: Scope) -> None:
    apply_rules()
    moved = rules(RULES.replace("scope: acme/search/ranker", "scope: acme/ads"))
    change = apply_attribution_rules(moved, actor=SYSTEM, at=AT)
    told = [(line[0], sorted(line[2:].split(", "))) for line in change.differences]
    assert told == [
        ("-", ["key_alias=ranker-7", "name=", "scope=acme/search/ranker"]),
        ("+", ["key_alias=ranker-7", "name=", "scope=acme/ads"]),
    ]
    assert AttributionKey.objects.count() == 2
    assert apply_attribution_rules(moved, actor=SYSTEM, at=AT).action == "unchanged"


def test_a_weir_key_must_be_one_of_the_organisations(acme: Scope) -> None:
    globex = make_organisation("globex")
    foreign, _ = create_api_key(scope=globex, permissions=["usage:write"], actor=SYSTEM, at=AT)
    own, _ = create_api_key(scope=acme, permissions=["usage:write"], actor=SYSTEM, at=AT)
    with pytest.raises(DomainError, match=f"no Weir API key {foreign.prefix} in acme; `weir keys list`"):
        apply_rules(RULES.replace("key_alias: ranker-7", f'weir_key: "{foreign.prefix}"'))
    apply_rules(RULES.replace("key_alias: ranker-7", f'weir_key: "{own.prefix}"'))
    assert AttributionKey.objects.get().value == own.prefix


def test_the_weir_key_that_delivered_a_record_places_it_where_nothing_says_more(acme: Scope, client_of: Client) -> None:
    http = client_of(acme, "usage:write")
    own = ApiKey.objects.get()
    send = [document(scope=None, attributes=attributes, cost=1) for attributes in ({}, {"team": "search"})]
    assert http.post("/api/v1/usage", [document(scope=None, id="early")], format="json").json()["accepted"] == 1
    apply_rules(RULES.replace("key_alias: ranker-7", f'weir_key: "{own.prefix}"'))
    forged = document(scope=None, attributes={"weir_key": "0123456789"})
    named = document(scope="acme/ads")
    assert http.post("/api/v1/usage", [*send, forged, named], format="json").json()["accepted"] == 4
    label = f"acme:weir_key {own.prefix}"
    rows = UsageRecord.objects.order_by("received_at", "event_id").values_list("attribution", "attributes")
    assert sorted(map(str, rows)) == sorted(
        map(
            str,
            [
                ("unattributed", {}),
                (label, {"weir_key": own.prefix}),
                (label, {"team": "search", "weir_key": own.prefix}),
                (label, {"weir_key": own.prefix}),
                ("explicit", {}),
            ],
        )
    )
