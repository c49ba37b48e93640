"""Attribution on recorded usage: what places a record, what a proposal would move, how much is attributed."""

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test.utils import CaptureQueriesContext
from pydantic import TypeAdapter

from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.models import AttributionKey, AttributionRuleSet
from allocation.attribution.operations import apply_attribution_rules
from allocation.coverage import queries
from allocation.coverage.operations import Preview, preview_attribution
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.documents import load_documents, parse_document
from governance.errors import DomainError
from governance.organisations.operations import create_api_key
from governance.people.models import ApiKey
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, Client, document, event, make_organisation

SINCE, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
RULES = """
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: acme}
spec:
  organisation: acme
  keys:
    - {key_alias: ranker-7, scope: acme/search/ranker}
  rules:
    - {name: batch, if: 'service_tier == "batch" && attributes.team == "search"', scope: acme/ads}
    - {name: search, when: {team: search}, scope: acme/search}
    - {name: never, when: {team: never}, scope: acme/ads}
"""


def rules(text: str = RULES) -> AttributionRulesDocument:
    return parse_document(TypeAdapter(AttributionRulesDocument), load_documents(text, source="rules.yaml")[0])


def apply_rules(text: str = RULES) -> None:
    apply_attribution_rules(rules(text), actor=SYSTEM, at=AT)


def use(acme: Scope, *changes: dict[str, Any]) -> None:
    """A dollar each, unless said otherwise."""
    events = [event(**{"scope": None, "cost": Decimal(1), **each}) for each in changes]
    assert record_usage(events=events, key_scope_id=acme.pk, at=AT).rejected == ()


def preview(text: str | None = RULES, **changes: Any) -> Preview:
    documents = [] if text is None else [rules(text)]
    asked = {"documents": documents, "since": SINCE, "until": UNTIL, "actor": SYSTEM, "at": AT}
    return preview_attribution(**{**asked, **changes})


def movements(found: Preview) -> list[tuple[str, str, int, Decimal]]:
    return [(one.from_scope, one.to_scope, one.used.records, one.used.cost) for one in found.movements]


SEARCH = {"attributes": {"team": "search", "end_user": "u1"}}
BATCH = {"attributes": {"team": "search"}, "service_tier": "batch"}
KEYED = {"attributes": {"team": "search", "key_alias": "ranker-7"}}


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


def test_a_preview_says_what_would_move_and_writes_nothing(acme: Scope) -> None:
    use(acme, SEARCH, SEARCH, BATCH, KEYED, {"scope": "acme/ads", **SEARCH}, {"cost": Decimal(5)})
    before = (list(UsageRecord.objects.values()), DecisionRecord.objects.count())
    found = preview()
    assert movements(found) == [
        ("acme/unattributed", "acme/search", 2, Decimal(2)),
        ("acme/unattributed", "acme/search/ranker", 1, Decimal(1)),
        ("acme/unattributed", "acme/ads", 1, Decimal(1)),
    ]
    moves = found.moves
    assert (moves.used.records, moves.used.cost, moves.moved.records) == (6, Decimal(10), 4)
    assert (moves.newly_attributed, moves.newly_unattributed.records) == (moves.moved, 0)
    assert (moves.before.cost_ratio, moves.after.cost_ratio, moves.moved_ratio) == (
        Decimal("0.1"), Decimal("0.5"), Decimal("0.4"),
    )  # fmt: skip
    assert moves.unused == ("acme:never",)
    assert [(change.name, change.action) for change in found.changes] == [("acme", "create")]
    assert (list(UsageRecord.objects.values()), DecisionRecord.objects.count()) == before
    assert AttributionRuleSet.objects.count() == 0


def test_a_preview_takes_the_place_of_the_set_of_its_name_beside_the_others(acme: Scope) -> None:
    apply_rules()
    apply_rules(RULES.replace("name: acme", "name: b").replace("team: never", "team: other"))
    use(acme, SEARCH, {"attributes": {"team": "other"}})
    assert movements(preview(None, organisation="acme")) == []
    found = preview(RULES.replace("when: {team: search}, scope: acme/search}", "when: {team: x}, scope: acme/search}"))
    assert movements(found) == []  # the set b still places team search
    found = preview(RULES.replace("{team: search}, scope: acme/search}", "{team: search}, scope: acme/unattributed}"))
    assert movements(found) == [("acme/search", "acme/unattributed", 1, Decimal(1))]
    assert found.moves.newly_unattributed.cost == 1


def test_a_preview_knows_the_days_of_dated_rules(acme: Scope) -> None:
    use(acme, {**SEARCH, "occurred_at": "2026-11-20T23:59:59Z"}, {**SEARCH, "occurred_at": "2026-11-21T00:00:00Z"})
    found = preview(RULES.replace("{team: search}, scope", "{team: search}, effective_from: 2026-11-21, scope"))
    assert movements(found) == [("acme/unattributed", "acme/search", 1, Decimal(1))]
    assert movements(preview(until=datetime(2026, 11, 21, tzinfo=UTC))) == [
        ("acme/unattributed", "acme/search", 1, Decimal(1))
    ]


def test_a_preview_reads_any_attribute_where_a_rule_does(acme: Scope) -> None:
    use(acme, SEARCH, {"attributes": {"unit": "search"}}, {"attributes": {"unit": "ads"}})
    anywhere = RULES.replace("when: {team: search}", "if: 'attributes.exists(a, attributes[a] == \"search\")'")
    assert movements(preview(anywhere)) == [("acme/unattributed", "acme/search", 2, Decimal(2))]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"documents": []}, "name one, or give documents of one"),
        ({"organisation": "globex"}, "of one organisation"),
        ({"since": UNTIL}, "The period is empty"),
        ({"documents": [], "organisation": "acme/search"}, "no organisation acme/search"),
        ({"documents": [rules(RULES.replace("acme/ads", "acme/none"))]}, "no scope acme/none; apply its Scope"),
    ],
)
def test_a_preview_that_cannot_be_made(acme: Scope, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DomainError, match=words):
        preview(**changes)


# --- coverage


def test_coverage_by_day_month_scope_and_rule(acme: Scope) -> None:
    apply_rules()
    use(
        acme,
        {**SEARCH, "cost": Decimal(8)},
        {"cost": Decimal(2), "requests": 3, "occurred_at": "2026-11-23T10:00:00Z"},
        {"scope": "acme/ads", "cost": Decimal(10), "occurred_at": "2026-10-31T10:00:00Z"},
    )

    def parts(by: str) -> dict[str, tuple[Decimal | None, Decimal | None, Decimal | None]]:
        found = queries.attribution_coverage(actor=SYSTEM, since=datetime(2026, 10, 1, tzinfo=UTC), until=UNTIL, by=by)
        [one] = found
        whole = (one.path, one.whole.cost_ratio, one.whole.request_ratio, one.whole.maturity)
        assert whole == ("acme", Decimal("0.9"), Decimal("0.4"), "run")
        return {part.name: (part.coverage.cost_ratio, part.coverage.request_ratio, part.share) for part in one.parts}

    none, some, all_ = Decimal(0), Decimal("0.8"), Decimal(1)
    assert parts("month") == {
        "2026-10": (all_, all_, Decimal("0.5")), "2026-11": (some, Decimal("0.25"), Decimal("0.5")),
    }  # fmt: skip
    assert parts("day") == {
        "2026-10-31": (all_, all_, Decimal("0.5")), "2026-11-23": (none, none, Decimal("0.1")),
        "2026-11-24": (all_, all_, Decimal("0.4")),
    }  # fmt: skip
    assert parts("scope") == {
        "acme/ads": (all_, all_, Decimal("0.5")), "acme/search": (all_, all_, Decimal("0.4")),
        "acme/unattributed": (none, none, Decimal("0.1")),
    }  # fmt: skip
    assert list(parts("rule").items()) == [
        ("explicit", (all_, all_, Decimal("0.5"))), ("acme:search", (all_, all_, Decimal("0.4"))),
        ("unattributed", (none, none, Decimal("0.1"))),
    ]  # fmt: skip


def test_coverage_takes_few_queries_however_many_days(acme: Scope, django_assert_num_queries: Any) -> None:
    use(acme, *({**SEARCH, "occurred_at": f"2026-11-{day:02}T10:00:00Z"} for day in range(1, 24)))
    with django_assert_num_queries(3):  # the tree's version and the tree, the sums
        queries.attribution_coverage(actor=SYSTEM, since=SINCE, until=UNTIL, by="day")


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


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("attribution", *arguments, stdout=out)
    return out.getvalue()


def test_a_preview_on_the_command_line(acme: Scope, tmp_path: Path) -> None:
    use(acme, SEARCH, BATCH, KEYED, {"cost": Decimal("0.5")})
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    assert command("preview", str(file), "--since", "2026-11-01", "--until", "2026-12-01", "--limit", "2") == (
        "AttributionRules acme: create\n"
        "acme 2026-11-01 to 2026-12-01: 3 records, 3,300 tokens, 3 USD of 4 records, 4,400 tokens, 3.5 USD would move"
        " (85.71 % of cost).\n"
        "Attributed before: 0.00 % of 3.5 USD, 0.00 % of 4 requests (below_crawl)\n"
        "Attributed after:  85.71 % of 3.5 USD, 75.00 % of 4 requests (crawl)\n"
        "  acme/unattributed -> acme/search: 1 records, 1,100 tokens, 1 USD, 28.57 %\n"
        "  acme/unattributed -> acme/search/ranker: 1 records, 1,100 tokens, 1 USD, 28.57 %\n"
        "  … and 1 more movements\n"
        "Would place no record: acme:never\n"
    )
    file.write_text("kind: Scope")
    with pytest.raises(CommandError, match="holds no document of kind AttributionRules"):
        command("preview", str(file))


def test_documents_are_validated_without_a_database(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(RULES)
    bad.write_text(RULES.replace("service_tier ==", "service_teir =="))
    assert command("validate", str(good)) == f"{good}: acme is valid: 1 keys, 3 rules\n"
    with pytest.raises(CommandError, match=r"1 file\(s\) are not valid"):
        command("validate", str(good), str(bad))


def test_coverage_on_the_command_line(acme: Scope) -> None:
    apply_rules()
    use(acme, SEARCH, {"cost": Decimal(3)})
    assert command("coverage", "--since", "2026-11-01", "--until", "2026-12-01", "--by", "rule") == (
        "acme 2026-11-01 to 2026-12-01: 25.00 % of 4 USD, 50.00 % of 2 requests (below_crawl)\n"
        "  unattributed: 0.00 % of 3 USD, 0.00 % of 1 requests (below_crawl), 75.00 % of it\n"
        "  acme:search: 100.00 % of 1 USD, 100.00 % of 1 requests (run), 25.00 % of it\n"
    )
    with pytest.raises(CommandError, match="There is no organisation globex"):
        command("coverage", "--organisation", "globex")
