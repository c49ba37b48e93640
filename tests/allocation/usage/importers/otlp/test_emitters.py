"""What real emitters sent, against what their upstream really served: every call they tell of, once, to the token, and
at its list price.
"""

import gzip
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from rest_framework.test import APIClient

from allocation.meters.documents import UsageEvent
from allocation.prices.engine.catalogue import catalogue_entry
from allocation.prices.engine.rates import RateCard, from_nanos
from allocation.usage.engine.call_prices import rare_parts
from allocation.usage.importers.otlp import names
from allocation.usage.importers.otlp.emitters import CODING_AGENTS, EMITTERS, TRACERS, Emitter, emitter_of_spans
from allocation.usage.importers.otlp.names import CALLS
from allocation.usage.models import UsageRecord
from tests.allocation.conftest import needs_shared_data
from tests.allocation.otlp_bodies import PROTOBUF, as_json, as_protobuf
from tests.allocation.usage.importers.otlp import captured
from tests.allocation.usage.importers.otlp.captured import bodies, received, served

pytestmark = needs_shared_data
CAPTURED_ON = "2026-11-28T12:00:00Z"
PARTS = ("input", "cached", "cache_write", "cache_write_1h", "output", "reasoning")
Call = tuple[Any, ...]


def told(emitter: str) -> list[dict[str, Any]]:
    """The served calls that it states usage of, as the upstream counted it."""
    untold = captured.EMITTERS[emitter]
    return [
        call
        for call in served(emitter)
        if call["scenario"] not in untold.scenarios and call["scenario"] not in untold.reckoned
    ]


def events_of(emitter: str) -> list[UsageEvent]:
    return [event for _, incoming in received(emitter) for event in incoming.events]


def counted(events: list[UsageEvent]) -> list[UsageEvent]:
    """Those that state tokens of the upstream, not of a cache of their own."""
    return [event for event in events if (event.tokens.input or event.tokens.output) and not event.cached_response]


def quantities(event: UsageEvent) -> Call:
    tokens = event.tokens
    return (
        event.model, tokens.input, tokens.cached_input, tokens.cache_write, tokens.cache_write_1h, tokens.output,
        tokens.reasoning,
    )  # fmt: skip


def list_cost(event: UsageEvent) -> Decimal:
    card = catalogue_entry(event.provider, event.model, event.service_tier, event.occurred_at)
    assert isinstance(card, RateCard), (event.provider, event.model)
    tokens = event.tokens
    nanos = card.cost_nanos(
        tokens.input, tokens.cached_input, tokens.cache_write, tokens.output, tokens.reasoning, 1,
        rare=rare_parts(event),
    )  # fmt: skip
    return from_nanos(nanos)


def test_every_emitter_that_was_captured_has_a_row() -> None:
    folders = sorted(path.parent.name for path in captured.FOLDER.glob("*/truth.json"))

    assert (sorted(captured.EMITTERS), len(folders)) == (folders, 20)


@pytest.mark.parametrize("emitter", captured.EMITTERS)
def test_every_call_that_it_tells_of_counts_once_to_the_token(emitter: str) -> None:
    missing = captured.EMITTERS[emitter].parts
    wanted = Counter(
        (call["model"], *(0 if part in missing else call[part] for part in PARTS)) for call in told(emitter)
    )
    reckoned = Counter(
        event
        for event in map(quantities, counted(events_of(emitter)))
        if captured.EMITTERS[emitter].reckoned and event[1:] == RECKONED
    )

    assert sum(reckoned.values()) == len(captured.EMITTERS[emitter].reckoned)
    assert Counter(map(quantities, counted(events_of(emitter)))) - reckoned == wanted


# What a LiteLLM proxy makes of a stream that its client cut after a few words.
RECKONED = (32, 0, 0, 0, 6, 0)


@pytest.mark.parametrize("emitter", captured.EMITTERS)
def test_every_call_costs_what_the_price_list_says(emitter: str) -> None:
    """Within a thousandth; a model that no list knows, and calls whose dearer parts nobody tells, are left out."""
    untold = captured.EMITTERS[emitter]
    listed = {
        (call["model"], call["input"], call["output"]): Decimal(str(call["list_cost_usd"]))
        for call in told(emitter)
        if call["list_cost_usd"] is not None and call["scenario"] not in untold.uncosted
    }
    costs = {
        key: list_cost(event)
        for event in counted(events_of(emitter))
        if (key := (event.model, event.tokens.input, event.tokens.output)) in listed
    }

    assert costs.keys() == listed.keys()
    assert {key: cost for key, cost in costs.items() if abs(cost - listed[key]) > listed[key] / 1000} == {}


@pytest.mark.parametrize("emitter", captured.EMITTERS)
def test_a_call_that_it_states_no_usage_of_is_unmeasured_and_no_call_at_a_price(emitter: str) -> None:
    """Agents, tools and workflows cost 0, since their calls are records of their own; of a call nobody says so."""
    silent = [event for event in events_of(emitter) if not (event.tokens.input or event.tokens.output)]

    assert {event.cost for event in silent if event.operation in CALLS} <= {None}
    assert {event.cost for event in silent if event.operation not in CALLS} <= {Decimal(0)}


@pytest.mark.parametrize("emitter", captured.EMITTERS)
def test_both_encodings_say_the_same(emitter: str) -> None:
    plain, packed = received(emitter), received(emitter, "protobuf")

    assert [(signal, one.events, one.uncounted) for signal, one in plain] == [
        (signal, one.events, one.uncounted) for signal, one in packed
    ]
    assert [one.refused for _, one in (*plain, *packed) if one.refused] == []


@time_machine.travel(CAPTURED_ON, tick=False)
def test_everything_of_everyone_posted_twice_counts_once(sender: APIClient) -> None:
    """First as JSON, then as protobuf, packed."""
    for emitter in captured.EMITTERS:
        for signal, body in bodies(emitter):
            answer = sender.generic("POST", f"/api/v1/otlp/v1/{signal}", as_json(body), "application/json")
            assert answer.status_code == 200
    first = sorted(UsageRecord.objects.values_list("id", "occurred_at", "input_tokens", "output_tokens", "cost"))
    for emitter in captured.EMITTERS:
        for signal, body in bodies(emitter):
            packed = gzip.compress(as_protobuf(body))
            headers = {"Content-Encoding": "gzip"}
            answer = sender.generic("POST", f"/api/v1/otlp/v1/{signal}", packed, PROTOBUF, headers=headers)
            assert answer.status_code == 200

    again = sorted(UsageRecord.objects.values_list("id", "occurred_at", "input_tokens", "output_tokens", "cost"))
    assert again == first
    assert len(first) > sum(len(told(emitter)) for emitter in captured.EMITTERS)


@pytest.mark.parametrize("emitter", ["claude-code-2.1.197", "codex-0.171.0", "gemini-cli-0.61.0"])
def test_metrics_and_spans_of_a_coding_agent_repeat_its_events(emitter: str) -> None:
    others = [incoming for signal, incoming in received(emitter) if signal != "logs"]

    assert others
    assert [incoming.events for incoming in others if incoming.events] == []
    assert [incoming.counts_nothing for incoming in others] == [True] * len(others)


@pytest.mark.parametrize("emitter", ["traceloop-sdk-openai-0.62.4", "traceloop-sdk-anthropic-0.62.4"])
def test_metrics_of_a_tracer_repeat_its_spans(emitter: str) -> None:
    told_by_metrics = [incoming for signal, incoming in received(emitter) if signal == "metrics"]

    assert [(incoming.events, incoming.counts_nothing) for incoming in told_by_metrics] == [([], True)]


# Of two calls alike in input and output the truth gives the second the first's claim.
MISTAKEN = frozenset({"capv1-016", "capv2-016"})


@pytest.mark.parametrize("emitter", captured.EMITTERS)
def test_the_cost_that_it_claims_is_kept_beside_ours(emitter: str) -> None:
    truth = Counter(
        round(Decimal(str(call["list_cost_usd" if call["scenario"] in MISTAKEN else "emitter_claimed_cost_usd"])), 9)
        for call in served(emitter)
        if call.get("emitter_claimed_cost_usd")
    )
    claimed = Counter(
        round(getattr(event.claimed_cost, "amount", event.claimed_cost), 9)
        for event in events_of(emitter)
        if event.claimed_cost is not None
    )

    assert claimed == truth


def row_of(emitter: Emitter) -> list[dict[str, Any]]:
    """The attributes of each span or log record of the emitter, wherever it was captured."""
    signal, lists = ("logs", ("resourceLogs", "scopeLogs", "logRecords")) if emitter.by_events else (
        "traces", ("resourceSpans", "scopeSpans", "spans")
    )  # fmt: skip
    found = []
    for folder in captured.EMITTERS:
        for path in sorted((captured.FOLDER / folder).glob(f"{signal}-*.json")):
            for resource in json.loads(path.read_text())[lists[0]]:
                for scope in resource[lists[1]]:
                    if emitter.sends(scope.get("scope", {}).get("name", "")):
                        found += [
                            {
                                pair["key"]: next(iter(pair["value"].values()), None)
                                for pair in item.get("attributes", [])
                            }
                            for item in scope[lists[2]]
                        ]
    return found


@pytest.mark.parametrize("emitter", EMITTERS, ids=lambda emitter: emitter.name)
def test_a_row_says_what_the_emitter_sent(emitter: Emitter) -> None:
    """Every name in it was seen, and the marks of a call are those that were seen on what counts tokens."""
    sent = row_of(emitter)
    seen = {name for attributes in sent for name in attributes}
    marks = {attributes.get(emitter.marked_by) for attributes in sent}

    assert sent
    assert {*emitter.quantities.values(), *filter(None, [emitter.claims])} <= seen
    assert marks & emitter.calls or not emitter.calls


@pytest.mark.parametrize("emitter", TRACERS, ids=lambda emitter: emitter.name)
def test_a_tracers_names_are_read(emitter: Emitter) -> None:
    read = {
        "input": names.INPUT, "cached_input": names.CACHED, "cache_write": names.WRITTEN,
        "cache_write_1h": names.WRITTEN_1H, "output": names.OUTPUT, "reasoning": names.REASONING,
        "usage": (names.LANGFUSE_USAGE, "metadata.usage_object"),
    }  # fmt: skip

    assert [kind for kind, name in emitter.quantities.items() if name not in read[kind]] == []


def test_what_an_emitter_never_states_of_a_call_is_named() -> None:
    """By the captures: what is always 0 there, whatever the upstream served."""
    row = {part: part for part in PARTS} | {"cached_input": "cached"}
    named = {
        emitter.name: tuple(sorted(row[part] for part in emitter.unstated)) for emitter in EMITTERS if emitter.unstated
    }

    assert named == {
        CAPTURED_OF[folder]: tuple(sorted(untold.parts)) for folder, untold in captured.EMITTERS.items() if untold.parts
    }


CAPTURED_OF = {
    "ai-sdk-otel-1.0.173": "Vercel AI SDK",
    "litellm-proxy-otel-v2-1.108.7": "LiteLLM proxy, second attribute set",
    "opentelemetry-instrumentation-openai-v2-2.4b0": "OpenTelemetry, OpenAI v2",
}


def test_an_emitter_counts_by_its_events_or_by_its_spans() -> None:
    assert [emitter.by_events for emitter in (*CODING_AGENTS, *TRACERS)] == [True] * 3 + [False] * 17


@pytest.mark.parametrize(
    ("instrumentation", "name"),
    [
        ("opentelemetry.instrumentation.openai_v2", "OpenTelemetry, OpenAI v2"),
        ("opentelemetry.instrumentation.genai.openai_agents", "OpenTelemetry, OpenAI agents"),
        ("gen_ai", "Vercel AI SDK"),
        ("somebody.elses", None),
        ("", None),
    ],
)
def test_the_longest_name_says_whose_an_instrumentation_is(instrumentation: str, name: str | None) -> None:
    emitter = emitter_of_spans(instrumentation)

    assert (emitter and emitter.name) == name


def test_the_readme_names_what_each_emitter_does_not_state() -> None:
    readme = (Path(settings.BASE_DIR) / "allocation/usage/README.md").read_text()
    table = [
        f"| {emitter.name} {emitter.version} | {', '.join(emitter.unstated) or '–'} | {emitter.untold or '–'} |"
        for emitter in EMITTERS
        if emitter.unstated or emitter.untold
    ]

    assert [row for row in table if row not in readme.splitlines()] == []


def test_one_hour_cache_writes_of_the_anthropic_sdk_have_their_own_count() -> None:
    events = events_of("opentelemetry-instrumentation-genai-anthropic-1.3b0")

    assert sorted(event.tokens.cache_write_1h for event in events if event.tokens.cache_write_1h) == [700]
