"""One call of a LiteLLM proxy, told by its JSON callback and by its spans: the same record, counted once."""

import itertools
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from allocation.usage.importers.files import ImportRequest, import_file
from allocation.usage.importers.otlp.reading import read_traces
from allocation.usage.models import UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import SHARED, Client, needs_shared_data, rolled_up, stored_sums
from tests.allocation.otlp_bodies import PROTOBUF, as_json, as_protobuf, request, span
from tests.allocation.usage.importers.parity import PAYLOAD, PAYLOADS, SPANS, call_of, first_set, of_payloads, of_spans

SAMPLES = SHARED / "litellm"
# The only call of these payloads and spans, by its id and its end.
CALL = "call-1/1795481345900"


def capture(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / name).read_text())
    return found


@needs_shared_data
@pytest.mark.parametrize("price", ["billed", "catalogue"])
def test_the_captured_spans_and_payloads_are_the_same_events(price: str) -> None:
    payloads: Any = capture("logging_payload_small.json")
    spans = of_spans(capture("otlp_traces_v1.json"), price)
    assert spans == of_payloads(payloads, price)
    assert [(event.status, event.task_id == "agent-session-9") for event in spans.values()] == [
        ("success", True), ("success", False), ("error", False), ("error", False),
    ]  # fmt: skip


@needs_shared_data
def test_the_second_attribute_set_lacks_what_its_proxy_leaves_out_and_nothing_else() -> None:
    """No payload of these calls was captured; the same client's call before them was, so its payload is given their
    id and times. LiteLLM's second set carries no tags and no reasoning tokens.
    """
    spans = of_spans(capture("otlp_traces_v2_2.json"))
    payloads: Any = capture("logging_payload_small.json")
    for payload, event in zip((payloads[0], payloads[2]), spans.values(), strict=True):
        start = event.occurred_at.timestamp()
        end = start + (event.latency_ms or 0) / 1000
        told = {**payload, "litellm_call_id": call_of(event), "startTime": start, "endTime": end}
        told["id"] = event.other_ids[-1] if event.status == "success" else told["id"]
        (posted,) = of_payloads([told]).values()
        fewer = {name for name, value in posted.attributes.items() if name.startswith("tag.")}  # type: ignore[union-attr]
        wanted = posted.model_dump() | {"id": event.id, "other_ids": event.other_ids}
        wanted["attributes"] = {name: value for name, value in wanted["attributes"].items() if name not in fewer}
        wanted["tokens"]["reasoning"] = 0
        if event.status == "error":
            # The proxy's own id for a call without a session is the span's trace.
            wanted["task_id"] = "66952d654601b4dd18c07c4a7842edbe"
        assert event.model_dump() == wanted
    assert of_spans(capture("otlp_traces_v2_1.json")) == of_spans(capture("otlp_traces_v2_3.json")) == {}


@needs_shared_data
@pytest.mark.parametrize("order", [*itertools.permutations(["payloads", "json", "protobuf"])])
def test_whichever_comes_first_the_others_are_repeats(acme: Scope, client_of: Client, order: tuple[str, ...]) -> None:
    sender = client_of(acme)
    spans = capture("otlp_traces_v1.json")
    posts = {
        "payloads": (PAYLOADS, (SAMPLES / "logging_payload_small.json").read_bytes(), "application/json"),
        "json": (SPANS, as_json(spans), "application/json"),
        "protobuf": (SPANS, as_protobuf(spans), PROTOBUF),
    }
    seen = []
    for way in order:
        path, body, kind = posts[way]
        assert sender.generic("POST", f"{path}?price=billed", body, kind).status_code == 200
        seen.append((stored_sums(), list(UsageRecord.objects.order_by("event_id").values())))
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0][1]) == 4
    minutes, *others = rolled_up()
    assert others == [minutes] * 3


def second_set() -> dict[str, Any]:
    return {
        "litellm.call_id": "call-1", "gen_ai.operation.name": "embeddings", "litellm.call_type": "aembedding",
        "gen_ai.provider.name": "aws.bedrock", "gen_ai.system": "aws.bedrock", "gen_ai.request.model": "claude",
        "litellm.provider.model": PAYLOAD["model"], "litellm.cost.total": 0.25, "litellm.team.alias": "search",
        "litellm.metadata.user_api_key_alias": "ci", "litellm.metadata.user_api_key_org_id": "org-1",
        "litellm.end_user.id": "ada", "gen_ai.conversation.id": "session-9",
        "gen_ai.openai.request.service_tier": "flex", "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 100, "gen_ai.usage.cache_read.input_tokens": 400,
        "gen_ai.usage.cache_creation.input_tokens": 30,
    }  # fmt: skip


def litellm_span(attributes: dict[str, Any]) -> dict[str, Any]:
    """Times as LiteLLM writes them: microseconds through a float of nanoseconds."""
    start, end = (str(int(float(str(PAYLOAD[name])) * 1e9)) for name in ("startTime", "endTime"))
    return request(span(1, attributes, startTimeUnixNano=start, endTimeUnixNano=end))


@pytest.mark.parametrize(
    ("attributes", "without"),
    [
        pytest.param(first_set(), (), id="first set"),
        pytest.param(
            first_set(**{"gen_ai.cost.total_cost": "", "hidden_params": '{"response_cost": 0.25}'}),
            (),
            id="hidden cost",
        ),
        pytest.param(second_set(), ("tag.env", "tag.beta", "tag.it's"), id="second set, which has no tags"),
    ],
)
def test_a_span_of_either_set_is_the_payloads_event(attributes: dict[str, Any], without: tuple[str, ...]) -> None:
    wanted = of_payloads([PAYLOAD])[CALL].model_dump()
    wanted["attributes"] = {name: value for name, value in wanted["attributes"].items() if name not in without}
    assert of_spans(litellm_span(attributes))[CALL].model_dump() == wanted


def test_a_call_tried_twice_is_two_records() -> None:
    """Retries and fallbacks share the call's id: only with its end is it an identity."""
    first, second = (span(number, first_set(), startTimeUnixNano="1795481345446245000") for number in (1, 9))
    first["endTimeUnixNano"], second["endTimeUnixNano"] = "1795481345460000000", "1795481345999999000"
    read = read_traces(as_json(request(first, second)), encoding="json", records_max=9, price="catalogue")
    assert [event.id for event in read.events] == ["call-1/1795481345460", "call-1/1795481345999"]


PROXIES = ("litellm-proxy-otel-v1-1.108.7", "litellm-proxy-otel-v2-1.108.7")


def proxy_payloads(proxy: str) -> list[dict[str, Any]]:
    paths = sorted((SHARED / "otlp" / proxy).glob("payload-*.json"))
    return [payload for path in paths for payload in json.loads(path.read_text())]


def proxy_posts(proxy: str) -> dict[str, list[tuple[str, bytes, str]]]:
    """What a proxy sent, by the way it went."""
    traces = [json.loads(path.read_text()) for path in sorted((SHARED / "otlp" / proxy).glob("traces-*.json"))]
    return {
        "payloads": [(PAYLOADS, json.dumps(proxy_payloads(proxy)).encode(), "application/json")],
        "json": [(SPANS, as_json(body), "application/json") for body in traces],
        "protobuf": [(SPANS, as_protobuf(body), PROTOBUF) for body in traces],
    }


def spend_log_row(payload: dict[str, Any]) -> dict[str, Any]:
    """The row that LiteLLM writes for the call, with its instants cut to the millisecond, as Prisma's client does."""
    start, end = (
        datetime.fromtimestamp(payload[name], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for name in ("startTime", "endTime")
    )
    metadata = payload["metadata"]
    return {
        "request_id": payload["id"].replace("_cache_hit1", "_cache_hit2"), "startTime": start, "endTime": end,
        "litellm_call_id": payload["litellm_call_id"], "call_type": payload["call_type"], "spend":
        payload["response_cost"], "model": payload["model"], "custom_llm_provider": payload["custom_llm_provider"],
        "cache_hit": str(payload["cache_hit"]), "prompt_tokens": payload["prompt_tokens"],
        "completion_tokens": payload["completion_tokens"], "total_tokens": payload["total_tokens"],
        "team_id": metadata["user_api_key_team_id"], "api_key": metadata["user_api_key_hash"],
        "end_user": payload["end_user"] or "", "session_id": payload["trace_id"], "status": payload["status"],
        "request_tags": json.dumps(payload["request_tags"]), "metadata": json.dumps(metadata), "messages": {},
    }  # fmt: skip


COUNTED = ("status", "cost", "input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "requests")


def counted() -> list[tuple[Any, ...]]:
    """Of each record what does not depend on which way was first: the second attribute set has a start of its own."""
    rows = UsageRecord.objects.values_list("event_id", *COUNTED)
    return sorted((event_id.partition("/")[0], *row) for event_id, *row in rows)


@needs_shared_data
@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("order", [*itertools.permutations(["payloads", "json", "protobuf"])][::2])
def test_a_proxy_that_tells_of_its_calls_both_ways_tells_of_each_once(
    acme: Scope, client_of: Client, tmp_path: Path, proxy: str, order: tuple[str, ...]
) -> None:
    sender, posts = client_of(acme), proxy_posts(proxy)
    for way in (*order, *order):
        for path, body, kind in posts[way]:
            assert sender.generic("POST", f"{path}?price=billed", body, kind).status_code == 200
    payloads = proxy_payloads(proxy)
    wanted = sorted((each["litellm_call_id"], each["status"] == "success") for each in payloads)
    assert sorted((call, status == "success") for call, status, *_ in counted()) == wanted
    billed = sum(Decimal(str(each["response_cost"])) for each in payloads)
    assert sum(cost for _, _, cost, *_ in counted() if cost) == pytest.approx(billed, abs=Decimal("1e-7"))
    minutes, *others = rolled_up()
    assert others == [minutes] * 3

    log = tmp_path / "spend.jsonl"
    log.write_text("".join(json.dumps(spend_log_row(each)) + "\n" for each in payloads))
    run = import_file(ImportRequest(log, "litellm-spend-log", scope_id=acme.pk, price="billed"), now=timezone.now)
    assert (run.accepted, run.duplicate, run.rejected) == (0, len(payloads), 0)


@needs_shared_data
@pytest.mark.parametrize("known", ["with call ids", "without"])
@pytest.mark.parametrize("proxy", PROXIES)
def test_the_spend_log_repairs_what_was_lost_and_counts_nothing_again(
    acme: Scope, client_of: Client, tmp_path: Path, proxy: str, known: str
) -> None:
    sender, payloads = client_of(acme), proxy_payloads(proxy)
    arrived, lost = payloads[::2], payloads[1::2]
    rows = [spend_log_row(each) for each in payloads]
    if known == "without":
        rows = [{name: value for name, value in row.items() if name != "litellm_call_id"} for row in rows]
    log = tmp_path / "spend.json"
    log.write_text(json.dumps(rows))
    told = json.dumps(arrived).encode()
    assert sender.generic("POST", f"{PAYLOADS}?price=billed", told, "application/json").status_code == 200
    run = import_file(ImportRequest(log, "litellm-spend-log", scope_id=acme.pk, price="billed"), now=timezone.now)
    assert (run.accepted, run.duplicate, run.rejected) == (len(lost), len(arrived), 0)
    repaired = counted()
    # What was thought lost comes late after all.
    late = json.dumps(payloads).encode()
    assert sender.generic("POST", f"{PAYLOADS}?price=billed", late, "application/json").json()["accepted"] == 0
    assert counted() == repaired
    assert sum(cost for _, _, cost, *_ in repaired if cost) == pytest.approx(
        sum(Decimal(str(each["response_cost"])) for each in payloads), abs=Decimal("1e-7")
    )
