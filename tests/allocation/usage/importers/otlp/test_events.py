"""What coding agents say of their calls in log events, against the requests they stand for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from allocation.meters.documents import Money, UsageEvent
from allocation.usage.importers.otlp.reading import Received, read_logs
from tests.allocation.otlp_bodies import NOW, TRACE, as_json, as_protobuf, log_record, logs
from tests.allocation.usage.importers.otlp.read import PROMPT

CLAUDE_CODE, CODEX, GEMINI = "com.anthropic.claude_code.events", "codex_otel.log_only", "gemini-cli"
CLAUDE_CALL = {
    "session.id": "s-1", "prompt.id": "p-1", "event.sequence": 3, "model": "claude-haiku-4-5-20251001",
    "input_tokens": 120, "output_tokens": 30, "cache_read_tokens": 4000, "cache_creation_tokens": 900,
    "duration_ms": 812, "speed": "normal", "user.email": "ada@example.com", "weir.team": "search", "prompt": PROMPT,
}  # fmt: skip
CODEX_CALL = {
    "event.kind": "response.completed", "conversation.id": "c-1", "model": "gpt-5-codex", "input_token_count": "5000",
    "cached_token_count": "4100", "output_token_count": "620", "reasoning_token_count": "512",
}  # fmt: skip
GEMINI_CALL = {
    "session.id": "g-1", "prompt_id": "g-1########0", "model": "gemini-2.5-flash", "auth_type": "gemini-api-key",
    "input_token_count": 700, "cached_content_token_count": 500, "tool_token_count": 40, "output_token_count": 60,
    "thoughts_token_count": 90, "duration_ms": 1290.6, "response_text": PROMPT,
}  # fmt: skip


def read(*records: dict[str, Any], scope: str, price: Any = "catalogue", **resource: Any) -> Received:
    """The same whichever way it is encoded."""
    body = logs(*records, scope=scope, resource=resource)
    plain = read_logs(as_json(body), encoding="json", records_max=100, price=price)
    packed = read_logs(as_protobuf(body), encoding="protobuf", records_max=100, price=price)
    assert (plain.events, plain.uncounted) == (packed.events, packed.uncounted)
    assert [one.fault for one in plain.refused] == [one.fault for one in packed.refused]
    return plain


def event_of(record: dict[str, Any], scope: str, **more: Any) -> UsageEvent:
    (event,) = read(record, scope=scope, **more).events
    return event


def test_claude_codes_parts_lie_beside_its_input() -> None:
    event = event_of(log_record("api_request", CLAUDE_CALL, traceId=TRACE), CLAUDE_CODE)

    person = (event.attributes or {}).pop("end_user")
    assert event.model_dump(exclude_defaults=True, exclude={"id"}) == {
        "source": "otlp",
        "occurred_at": NOW,
        "attributes": {"service": "agent", "team": "search"},
        "provider": "anthropic",
        "model": "claude-haiku-4-5-20251001",
        "tokens": {"input": 5020, "cached_input": 4000, "cache_write": 900, "output": 30},
        "task_id": "p-1",
        "session_id": "s-1",
        "latency_ms": 812,
    }
    assert (len(person), "ada" in person) == (24, False)


def test_codexs_parts_lie_inside_their_totals() -> None:
    event = event_of(log_record("codex.sse_event", CODEX_CALL), CODEX)

    tokens = event.tokens
    assert (tokens.input, tokens.cached_input, tokens.output, tokens.reasoning) == (5000, 4100, 620, 512)
    assert (event.provider, event.model, event.task_id, event.session_id) == ("openai", "gpt-5-codex", "c-1", "c-1")


def test_gemini_clis_thoughts_and_tool_prompts_lie_beside_their_totals() -> None:
    event = event_of(log_record("gemini_cli.api_response", GEMINI_CALL), GEMINI)

    tokens = event.tokens
    assert (tokens.input, tokens.cached_input, tokens.output, tokens.reasoning) == (740, 500, 150, 90)
    assert (event.provider, event.latency_ms, event.session_id) == ("gemini", 1291, "g-1")


@pytest.mark.parametrize(
    ("name", "told", "scope"),
    [
        pytest.param("user_prompt", {"prompt": PROMPT, "session.id": "s"}, CLAUDE_CODE, id="a prompt"),
        pytest.param("assistant_response", {"model": "claude-haiku-4-5"}, CLAUDE_CODE, id="an answer"),
        pytest.param("api_request", CLAUDE_CALL, "somebody.else", id="a common name of somebody else's"),
        pytest.param("codex.sse_event", {**CODEX_CALL, "event.kind": "response.created"}, CODEX, id="a stream begins"),
        pytest.param(
            "codex.sse_event", {"event.kind": "response.completed", "model": "gpt-5"}, CODEX, id="told without counts"
        ),
        pytest.param("codex.api_request", {"http.response.status_code": 200}, CODEX, id="a request that went well"),
        pytest.param(
            "gen_ai.client.inference.operation.details",
            {"gen_ai.usage.input_tokens": 700, "gen_ai.request.model": "gemini-2.5-flash"},
            GEMINI, id="what repeats the call",
        ),
        pytest.param("", {"message": "a line of a log"}, "django.server", id="a plain line"),
    ],
)  # fmt: skip
def test_other_events_are_passed_over(name: str, told: dict[str, Any], scope: str) -> None:
    received = read(log_record(name, told), scope=scope)

    assert (received.events, received.refused, received.counts_nothing) == ([], [], True)
    assert dict(received.uncounted) == {(scope, "no_model_call"): 1}


@pytest.mark.parametrize(
    ("name", "told", "scope"),
    [
        ("api_error", {"model": "claude-haiku-4-5", "status_code": "529", "session.id": "s"}, CLAUDE_CODE),
        ("api_error", {"model": "claude-haiku-4-5", "error": PROMPT}, CLAUDE_CODE),
        ("codex.api_request", {"model": "gpt-5", "http.response.status_code": 429}, CODEX),
        ("codex.sse_event", {"model": "gpt-5", "event.kind": "response.failed"}, CODEX),
        ("gemini_cli.api_error", {"model_name": "gemini-2.5-pro", "status_code": 503}, GEMINI),
    ],
)
def test_a_failed_call_is_one(name: str, told: dict[str, Any], scope: str) -> None:
    event = event_of(log_record(name, told), scope)

    assert (event.status, event.tokens.input, event.cost, event.claimed_cost) == ("error", 0, None, None)


@pytest.mark.parametrize(
    ("told", "provider", "model"),
    [
        ({"model": "claude-opus-4-6[1m]"}, "anthropic", "claude-opus-4-6"),
        ({"model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}, "bedrock",
         "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ({"model": "claude-sonnet-4-5@20250929"}, "vertex_ai", "claude-sonnet-4-5@20250929"),
    ],
)  # fmt: skip
def test_who_served_claude(told: dict[str, Any], provider: str, model: str) -> None:
    event = event_of(log_record("api_request", CLAUDE_CALL | told), CLAUDE_CODE)

    assert (event.provider, event.model) == (provider, model)


def test_gemini_in_a_cloud_is_served_by_it() -> None:
    event = event_of(log_record("gemini_cli.api_response", GEMINI_CALL | {"auth_type": "vertex-ai"}), GEMINI)

    assert event.provider == "vertex_ai"


# Haiku 4.5: 1, 0.1, 1.25, for an hour 2, and 5 dollars a million.
PLAIN = Decimal("0.000120") + Decimal("0.0004") + Decimal("0.001125") + Decimal("0.00015")


@pytest.mark.parametrize(
    ("claimed", "for_an_hour"),
    [
        pytest.param(PLAIN, 0, id="the cost of writes for five minutes"),
        pytest.param(PLAIN + 900 * Decimal("0.00000075"), 900, id="of all writes for an hour"),
        pytest.param(PLAIN + 1 * Decimal("0.00000075"), 1, id="of one token for an hour"),
        pytest.param(PLAIN + 901 * Decimal("0.00000075"), 0, id="more than all writes would cost"),
        pytest.param(PLAIN + Decimal("0.0000001"), 0, id="of no whole number of tokens"),
        pytest.param(PLAIN - Decimal("0.0001"), 0, id="less than the list price"),
    ],
)
def test_a_claimed_cost_gives_away_what_is_kept_for_an_hour(claimed: Decimal, for_an_hour: int) -> None:
    event = event_of(log_record("api_request", CLAUDE_CALL | {"cost_usd": float(claimed)}), CLAUDE_CODE)

    assert (event.tokens.cache_write, event.tokens.cache_write_1h) == (900, for_an_hour)
    assert event.claimed_cost == Money(amount=claimed, currency="USD")


def test_a_claimed_cost_counts_where_it_is_asked_for() -> None:
    event = event_of(log_record("api_request", CLAUDE_CALL | {"cost_usd": "0.25"}), CLAUDE_CODE, price="billed")

    assert (event.cost, event.claimed_cost) == (Decimal("0.25"), None)


def test_the_same_event_is_known_again_and_others_are_not() -> None:
    """Two parallel calls of one prompt may be alike in all but their number."""
    one, again = (event_of(log_record("api_request", CLAUDE_CALL), CLAUDE_CODE) for _ in range(2))
    others = [
        event_of(log_record("api_request", CLAUDE_CALL | {"event.sequence": 4}), CLAUDE_CODE),
        event_of(log_record("api_request", CLAUDE_CALL | {"prompt.id": "p-2"}), CLAUDE_CODE),
        event_of(log_record("api_request", CLAUDE_CALL, at=NOW + timedelta(milliseconds=1)), CLAUDE_CODE),
    ]

    assert (one.id, one.occurred_at) == (again.id, again.occurred_at)
    assert len({one.id, *(other.id for other in others)}) == 4


@pytest.mark.parametrize(
    ("stated", "more", "wanted"),
    [
        pytest.param("2026-11-20T08:00:00.250Z", {"timeUnixNano": "0"},
                     datetime(2026, 11, 20, 8, 0, 0, 250_000, tzinfo=UTC), id="in the event alone"),
        pytest.param("2026-11-20T08:00:00.250Z", {}, NOW, id="the record's own before the event's"),
        pytest.param("yesterday", {"timeUnixNano": "0"}, NOW, id="no time: when it was observed"),
    ],
)  # fmt: skip
def test_when_it_was(stated: str, more: dict[str, Any], wanted: datetime) -> None:
    event = event_of(log_record("codex.sse_event", {**CODEX_CALL, "event.timestamp": stated}, **more), CODEX)

    assert event.occurred_at == wanted


def test_a_session_of_the_resource_is_the_events() -> None:
    told = {name: value for name, value in GEMINI_CALL.items() if name != "session.id"}

    assert event_of(log_record("gemini_cli.api_response", told), GEMINI, **{"session.id": "r-1"}).session_id == "r-1"


@pytest.mark.parametrize("odd", ["many", -1, 0.5, True, 10**15])
def test_a_count_that_is_none_is_refused_and_holds_back_no_other(odd: object) -> None:
    received = read(
        log_record("api_request", CLAUDE_CALL | {"input_tokens": odd}), log_record("api_request", CLAUDE_CALL),
        scope=CLAUDE_CODE,
    )  # fmt: skip

    assert ([record.index for record in received.refused], received.indexes) == ([0], [1])


def test_a_faster_speed_is_a_tier_of_its_own() -> None:
    """It has another price: the list's does not hold."""
    event = event_of(log_record("api_request", CLAUDE_CALL | {"speed": "fast", "cost_usd": 0.5}), CLAUDE_CODE)

    assert (event.service_tier, event.tokens.cache_write_1h) == ("fast", 0)
