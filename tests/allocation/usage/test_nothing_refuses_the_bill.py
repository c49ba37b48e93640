"""A caller names sessions, traces and tags as it likes; its spend counts all the same, whichever way it comes."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.importers.files import ImportRequest, import_file, load_mapping
from allocation.usage.models import UsageDay, UsageRecord
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.attribution_rules import apply_rules
from tests.allocation.conftest import AT, SHARED, Client, event, needs_shared_data
from tests.allocation.otlp_bodies import as_json, chat, request, span
from tests.allocation.usage.sent_bodies import NOW, counts, fresh, post

FAIL = SHARED / "cases" / "fail"
ENVELOPE = {"specversion": "1.0", "type": "weir.usage.v1", "id": "one", "source": "gateway"}
HUGE = "Tell me about " * 20_000


def payload(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "litellm_call_id": f"call-{number}", "startTime": NOW.timestamp(), "model": "gpt-4o", "status": "success",
        "custom_llm_provider": "openai", "prompt_tokens": 1000, "completion_tokens": 100, "response_cost": 0.01,
    } | changes  # fmt: skip


@pytest.mark.parametrize("text", ["x" * 4_000, "first\r\nsecond", "\ud83d", "nul\0", HUGE])
def test_a_session_of_any_text_costs_no_call_whichever_way_it_comes(sender: APIClient, text: str) -> None:
    native = fresh(session_id=text, task_id=text)
    cloud = json.dumps({**ENVELOPE, "data": json.loads(fresh(id="cloud", session_id=text, task_id=text))}).encode()
    litellm = json.dumps([payload(1, trace_id=text, session_id=text)]).encode()
    assert counts(post(sender, native)) == (1, 0, [])
    assert counts(post(sender, native, kind="application/x-ndjson")) == (0, 1, [])
    assert counts(post(sender, cloud, kind="application/cloudevents+json")) == (1, 0, [])
    assert counts(post(sender, litellm, path="usage/litellm")) == (1, 0, [])
    if text != "\ud83d":
        # Protobuf and OTLP's JSON hold no lone surrogate.
        spans = as_json(request(span(1, chat(**{"gen_ai.conversation.id": text[:60_000]}))))
        assert post(sender, spans, path="otlp/v1/traces").json() == {}
    assert not QuarantinedUsage.objects.exists()
    native_row, *others = UsageRecord.objects.filter(task_id__contains="~").values_list("session_id", "mended")
    assert others == [native_row] * 2
    assert native_row[1] == "session_id, task_id"
    assert sum(day.cost for day in UsageDay.objects.all()) == Decimal("0.0035") * UsageRecord.objects.count()


def test_equal_sessions_stay_one_session(sender: APIClient) -> None:
    long, other = "s" * 300 + "1", "s" * 300 + "2"
    for session in (long, other, long):
        assert counts(post(sender, fresh(session_id=session))) == (1, 0, [])
    sessions = list(UsageRecord.objects.values_list("session_id", flat=True))
    assert len(sessions) == 3
    assert len(set(sessions)) == 2


def test_a_call_id_of_a_callers_own_making_takes_no_call_off_the_budget(sender: APIClient) -> None:
    """A proxy takes the id from the caller's header."""
    body = json.dumps([payload(1, litellm_call_id="c" * 900)]).encode()
    assert counts(post(sender, body, path="usage/litellm")) == (1, 0, [])
    assert counts(post(sender, body, path="usage/litellm")) == (0, 1, [])
    assert UsageRecord.objects.get().cost == Decimal("0.0035")
    other = json.dumps([payload(1, litellm_call_id="c" * 899 + "d")]).encode()
    assert counts(post(sender, other, path="usage/litellm")) == (1, 0, [])


@pytest.mark.parametrize(
    ("changes", "price", "stored"),
    [
        ({}, "catalogue", ("standard", None, "")),
        ({"model_parameters": {"service_tier": "scale"}}, "catalogue", ("scale", None, "")),
        ({"cost_breakdown": {"service_tier": "warp-9"}}, "catalogue", ("warp-9", None, "")),
        ({"cost_breakdown": {"service_tier": "warp-9"}}, "billed", ("warp-9", Decimal("0.01"), "")),
        ({"cost_breakdown": {"service_tier": "Flex"}}, "billed", ("flex", Decimal("0.01"), "")),
        ({"cost_breakdown": {"service_tier": "t" * 90}}, "billed", (None, Decimal("0.01"), "service_tier")),
    ],
)
def test_a_tier_nobody_has_heard_of_is_unpriced_or_as_billed(
    sender: APIClient, changes: dict[str, Any], price: str, stored: tuple[Any, ...]
) -> None:
    body = json.dumps([payload(1, model="gpt-99-nonesuch", **changes)]).encode()
    assert counts(post(sender, body, path=f"usage/litellm?price={price}")) == (1, 0, [])
    tier, cost, mended = UsageRecord.objects.values_list("service_tier", "cost", "mended").get()
    assert (tier if len(tier) < 64 else None, cost, mended) == stored


def test_a_known_model_in_an_unknown_tier_has_no_price_of_the_standard_one(search: Scope) -> None:
    record_usage(events=[event(), event(service_tier="hyper")], key_scope_id=search.pk, at=AT)
    priced = dict(UsageRecord.objects.values_list("service_tier", "cost"))
    assert priced == {"standard": Decimal("0.0035"), "hyper": None}
    assert UsageDay.objects.get().unpriced_requests == 1


@pytest.mark.parametrize(
    ("changes", "stored", "unpriced", "errors"),
    [
        ({"status": "cancelled"}, ("cancelled", None), 1, 0),
        ({"status": "cancelled", "cost": Decimal("0.5")}, ("cancelled", Decimal("0.5")), 0, 0),
        ({"status": "Error"}, ("error", None), 0, 1),
    ],
)
def test_a_status_nobody_has_heard_of_is_unpriced_or_as_billed(
    search: Scope, changes: dict[str, Any], stored: tuple[Any, ...], unpriced: int, errors: int
) -> None:
    record_usage(events=[event(**changes)], key_scope_id=search.pk, at=AT)
    assert UsageRecord.objects.values_list("status", "cost").get() == stored
    day = UsageDay.objects.get()
    assert (day.requests, day.unpriced_requests, day.errors) == (1, unpriced, errors)
    assert UsageRecord.objects.unpriced().count() == unpriced
    assert UsageRecord.objects.priced_or_failed().count() == 1 - unpriced


RULES = """
apiVersion: weir/v1
kind: AttributionRules
metadata: {name: acme}
spec:
  organisation: acme
  rules:
    - {name: by-centre, when: {Cost Center: "cc-*"}, scope: acme/search}
    - {name: by-unit, if: 'attributes["business unit"] == "ads"', scope: acme/ads}
"""
KEY_RULES = f"""{RULES}    - {{name: sent, if: 'weir_key != ""', scope: acme/search/ranker}}
"""


@pytest.mark.parametrize(
    ("tag", "scope"), [({"Cost Center": "cc-7"}, "acme/search"), ({"business unit": "ads"}, "acme/ads")]
)
def test_the_last_of_sixty_attributes_places_the_call_and_is_kept(
    acme: Scope, client_of: Client, tag: dict[str, str], scope: str
) -> None:
    apply_rules(RULES)
    attributes = {f"label {number}": str(number) for number in range(59)} | tag
    assert counts(post(client_of(acme), fresh(scope=None, attributes=attributes))) == (1, 0, [])
    record = UsageRecord.objects.get()
    assert (record.scope.path, record.mended) == (scope, "attributes: 28 left out")
    assert record.attributes == {f"label {number}": str(number) for number in range(31)} | tag


def test_the_key_that_sent_a_record_is_known_however_many_attributes_it_states(acme: Scope, client_of: Client) -> None:
    apply_rules(KEY_RULES)
    attributes = {f"a{number}": "" for number in range(40)}
    assert counts(post(client_of(acme), fresh(scope=None, attributes=attributes))) == (1, 0, [])
    record = UsageRecord.objects.get()
    assert (record.scope.path, len(record.attributes), "weir_key" in record.attributes) == (
        "acme/search/ranker", 32, True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "kept"), [("0.98765432", (988, "latency_ms")), ("-3", (None, "latency_ms")), ("2", (2000, ""))]
)
def test_a_latency_of_a_mapped_file_is_rounded(
    acme: Scope, tmp_path: Path, seconds: str, kept: tuple[int | None, str]
) -> None:
    log, mapping = tmp_path / "log.csv", tmp_path / "mapping.yaml"
    log.write_text(f"id,at,took,paid\na,2026-11-20 10:00:00,{seconds},0.75\n")
    mapping.write_text("""
format: csv
source: log
fields:
  id: {column: id}
  occurred_at: {column: at, assume_utc: true}
  provider: {constant: openai}
  model: {constant: gpt-4o}
  latency_ms: {column: took, scale: 1000}
  cost: {column: paid}
""")
    run = import_file(ImportRequest(log, "mapped", mapping=load_mapping(mapping), scope_id=acme.pk), now=lambda: AT)
    assert (run.accepted, run.rejected) == (1, 0)
    latency, mended, cost = UsageRecord.objects.values_list("latency_ms", "mended", "cost").get()
    assert ((latency, mended), cost) == (kept, Decimal("0.75"))


@needs_shared_data
@pytest.mark.parametrize("price", ["catalogue", "billed"])
def test_an_optional_field_refuses_no_bill(acme: Scope, client_of: Client, tmp_path: Path, price: str) -> None:
    case, http = FAIL / "08-optional-field-refuses-the-bill", client_of(acme)
    payloads, spans = (case / name for name in ("payloads.json", "spans.json"))
    assert counts(post(http, payloads.read_bytes(), path=f"usage/litellm?price={price}")) == (4, 0, [])
    assert post(http, spans.read_bytes(), path=f"otlp/v1/traces?price={price}").json() == {}
    mapping = load_mapping(case / "latency-mapping.yaml")
    at = timezone.now() + timedelta(days=1)
    run = import_file(ImportRequest(case / "latency.csv", "mapped", mapping=mapping, scope_id=acme.pk), now=lambda: at)
    assert (run.accepted, run.rejected) == (3, 0)
    costs = sorted(UsageRecord.objects.values_list("cost", flat=True))
    assert costs == [Decimal("0.25"), Decimal("0.25"), Decimal("0.5"), *[Decimal("2.5")] * 6]


@needs_shared_data
@pytest.mark.parametrize(
    ("price", "costs"),
    [
        (
            "billed",
            {
                "standard": Decimal("2.5"),
                "ultrafast": Decimal(60),
                "balanced": Decimal("2.5"),
                "scale": Decimal("2.5"),
            },
        ),
        ("catalogue", {"ultrafast": None, "balanced": None, "scale": None}),
    ],
)
def test_an_unknown_service_tier_refuses_no_bill(
    acme: Scope, client_of: Client, price: str, costs: dict[str, Decimal | None]
) -> None:
    body = (FAIL / "09-unknown-service-tier-refused" / "payloads.json").read_bytes()
    assert counts(post(client_of(acme), body, path=f"usage/litellm?price={price}")) == (4, 0, [])
    assert dict(UsageRecord.objects.filter(service_tier__in=costs).values_list("service_tier", "cost")) == costs
