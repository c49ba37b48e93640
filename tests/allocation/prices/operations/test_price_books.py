from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter

from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.models import AttributionRuleSet
from allocation.attribution.operations import apply_attribution_rules
from allocation.prices.documents import PriceBookDocument
from allocation.prices.models import Price, PriceBook
from allocation.prices.operations import apply_price_book, plan_price_book
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.documents import Change, DocumentError, load_documents, parse_document
from governance.errors import DomainError
from governance.organisations.operations import create_scope
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event, make_organisation

RULES = """
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: acme}
spec:
  organisation: acme
  keys:
    - {key_alias: ranker-7, scope: acme/search/ranker}
  rules:
    - {name: production, when: {team: search, "tag.env": prod*}, scope: acme/search/ranker}
    - {when: {team: search}, scope: acme/search}
    - {when: {team: old}, scope: acme/ads, effective_to: 2026-11-24}
"""
BOOK = """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: contract}
spec:
  organisation: acme
  prices:
    - {provider: openai, model: gpt-4o, effective_from: 2026-01-01, input: "2.00", output: 8}
    - {provider: openai, model: gpt-mock, effective_from: 2026-11-24T12:00:00Z, request: "0.01"}
    - {provider: self, model: "llama-*", effective_from: 2026-01-01, gpu_hour: "3.6"}
    - {provider: openai, model: gpt-4o, service_tier: flex, effective_from: 2026-01-01, input: 1, output: 4}
"""


def rules(text: str = RULES) -> AttributionRulesDocument:
    return parse_document(TypeAdapter(AttributionRulesDocument), load_documents(text, source="rules.yaml")[0])


def book(text: str = BOOK) -> PriceBookDocument:
    return parse_document(TypeAdapter(PriceBookDocument), load_documents(text, source="book.yaml")[0])


def apply_rules(text: str = RULES) -> Change:
    return apply_attribution_rules(rules(text), actor=SYSTEM, at=AT)


def apply_book(text: str = BOOK) -> Change:
    return apply_price_book(book(text), actor=SYSTEM, at=AT)


@pytest.mark.parametrize(
    ("attributes", "occurred_at", "place"),
    [
        (
            {"team": "search", "tag.env": "production"},
            "2026-11-24T12:00:00Z",
            ("acme/search/ranker", "acme:production"),
        ),
        ({"team": "search", "tag.env": "dev"}, "2026-11-24T12:00:00Z", ("acme/search", "acme:rule 2")),
        ({"team": "old"}, "2026-11-23T23:59:59Z", ("acme/ads", "acme:rule 3")),
        ({"team": "old"}, "2026-11-24T00:00:00Z", ("acme/unattributed", "unattributed")),
        ({}, "2026-11-24T12:00:00Z", ("acme/unattributed", "unattributed")),
    ],
)
def test_the_first_rule_that_matches_wins(
    acme: Scope, attributes: dict[str, str], occurred_at: str, place: tuple[str, str]
) -> None:
    apply_rules()
    record_usage(
        events=[event(scope=None, attributes=attributes, occurred_at=occurred_at)], key_scope_id=acme.pk, at=AT
    )
    record = UsageRecord.objects.get()
    assert (record.scope.path, record.attribution) == place


def test_rules_do_not_lead_out_of_the_keys_subtree(search: Scope) -> None:
    apply_rules()
    result = record_usage(
        events=[event(scope=None, attributes={"team": "old"}, occurred_at="2026-11-20T00:00:00Z")],
        key_scope_id=search.pk,
        at=AT,
    )
    assert [one.code for one in result.rejected] == ["scope_forbidden"]


@pytest.mark.parametrize(
    ("changes", "cost", "source"),
    [
        pytest.param({}, "0.0028", "pricebook:contract", id="the book comes before the catalogue"),
        pytest.param(
            {"tokens": {"input": 1000, "cached_input": 500}}, "0.002", "pricebook:contract",
            id="no cached price: input's",
        ),
        pytest.param({"model": "gpt-mock", "requests": 3}, "0.03", "pricebook:contract", id="per request"),
        pytest.param({"model": "gpt-mock", "occurred_at": "2026-11-24T11:59:59Z"}, None, "none", id="before it starts"),
        pytest.param(
            {"provider": "self", "model": "llama-70b", "gpu_seconds": Decimal("1.5")}, "0.0015", "pricebook:contract",
            id="by the GPU hour",
        ),
        pytest.param({"service_tier": "flex"}, "0.0014", "pricebook:contract", id="a tier that the book states"),
        pytest.param({"service_tier": "priority"}, "0.00595", "genai-prices", id="a tier of the catalogue alone"),
    ],
)  # fmt: skip
def test_a_price_book_overrides_the_catalogue(
    acme: Scope, changes: dict[str, Any], cost: str | None, source: str
) -> None:
    apply_book()
    record_usage(events=[event(**changes)], key_scope_id=acme.pk, at=AT)
    record = UsageRecord.objects.get()
    assert (record.cost, record.price_source) == (None if cost is None else Decimal(cost), source)


def test_a_changed_book_is_a_new_version_and_old_costs_stay(acme: Scope) -> None:
    assert apply_book() == Change(kind="PriceBook", name="contract", action="create")
    record_usage(events=[event(id="1")], key_scope_id=acme.pk, at=AT)
    dearer = BOOK.replace('"2.00"', '"3.00"')
    planned = plan_price_book(book(dearer), AT)
    assert (planned.action, len(planned.differences)) == ("update", 2)
    assert apply_book(dearer) == planned
    assert apply_book(dearer).action == "unchanged"
    record_usage(events=[event(id="2")], key_scope_id=acme.pk, at=AT)
    found = UsageRecord.objects.order_by("event_id").values_list("event_id", "cost", "price_version")
    assert list(found) == [("1", Decimal("0.0028"), "1"), ("2", Decimal("0.0038"), "2")]
    assert list(PriceBook.objects.order_by("version").values_list("version", "is_current")) == [(1, False), (2, True)]
    assert Price.objects.filter(book__version=1).count() == 6
    assert DecisionRecord.objects.filter(action="price_book.apply").count() == 2


def test_a_book_prices_its_own_organisation_only(acme: Scope) -> None:
    globex = make_organisation("globex")
    apply_book()
    record_usage(events=[event(scope="globex")], key_scope_id=globex.pk, at=AT)
    assert UsageRecord.objects.get().price_source == "genai-prices"
    with pytest.raises(DomainError, match="belongs to acme"):
        apply_book(BOOK.replace("organisation: acme", "organisation: globex"))


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (rules, RULES.replace("scope: acme/search}", "scope: globex/search}"), "lies outside acme"),
        (rules, RULES.replace("rules:", "rulez:"), "is not a field here"),
        (rules, RULES.replace("when: {team: old}", "when: {}"), "at least 1"),
        (book, BOOK.replace('input: "2.00"', 'inputs: "2.00"'), "is not a field here"),
        (book, BOOK.replace('"0.01"', '"-1"'), "greater than or equal to 0"),
        (book, BOOK.replace('gpu_hour: "3.6"', "above_input_tokens: 5, input: 1"), "context tier without its base"),
    ],
)
def test_a_mistake_is_named_with_its_place(parse: Any, text: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        parse(text)


def test_a_scope_that_is_not_there(acme: Scope) -> None:
    with pytest.raises(DomainError, match="There is no scope acme/none"):
        apply_rules(RULES.replace("acme/ads", "acme/none"))
    assert AttributionRuleSet.objects.count() == 0


def test_replay_counts_what_has_become_possible_and_keeps_identity(acme: Scope) -> None:
    early = event(id="early", scope="acme/new")
    refused = [early, event(id="hopeless", scope="acme/never")]
    record_usage(events=refused, key_scope_id=acme.pk, at=AT)
    dry = replay_quarantined(actor=SYSTEM, at=AT, dry_run=True)
    assert (dry.accepted, dry.remaining) == (0, {"scope_unknown": 2})
    create_scope(slug="new", kind="team", parent=acme, actor=SYSTEM, at=AT)
    assert replay_quarantined(actor=SYSTEM, at=AT, dry_run=True).accepted == 1
    assert UsageRecord.objects.count() == 0
    done = replay_quarantined(actor=SYSTEM, at=AT, code="scope_unknown")
    assert (done.accepted, done.duplicate, done.remaining) == (1, 0, {"scope_unknown": 1})
    assert record_usage(events=[early], key_scope_id=acme.pk, at=AT).duplicate == 1
    assert replay_quarantined(actor=SYSTEM, at=AT).accepted == 0
    assert QuarantinedUsage.objects.waiting().count() == 1
