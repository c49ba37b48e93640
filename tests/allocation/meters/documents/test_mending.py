"""What neither identifies nor prices nor places a call never costs its record."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.meters.documents import Fault, UsageEvent, fitted, mended, read_event

CALL = {
    "id": "call-1",
    "source": "gateway",
    "occurred_at": "2026-11-24T12:00:00Z",
    "provider": "openai",
    "model": "gpt-4o",
    "tokens": {"input": 1000, "output": 100},
}


def read(**changes: Any) -> UsageEvent:
    event = read_event(json.dumps({**CALL, **changes}).encode())
    assert isinstance(event, UsageEvent), event
    return event


def refused(text: str) -> Fault:
    fault = read_event(text.encode())
    assert isinstance(fault, Fault), fault
    return fault


@pytest.mark.parametrize("field", ["task_id", "session_id"])
@pytest.mark.parametrize(
    "text", ["s" * 201, "s" * 200_000, "line\nbreak", "nul\0", "lone \ud83d surrogate", "tab\t", "del\x7f", "é" * 300]
)
def test_an_id_of_a_session_or_task_is_made_to_fit(field: str, text: str) -> None:
    event = read(**{field: text})
    kept = getattr(event, field)
    assert kept.startswith(text[:4].replace("\n", " ").replace("\0", " ").replace("\t", " ").replace("\x7f", " "))
    assert (len(kept) <= 200, kept[-25], event.mended) == (True, "~", (field,))


@given(
    st.lists(st.text(st.characters(exclude_categories=())), min_size=2, max_size=2, unique=True), st.integers(30, 60)
)
def test_equal_texts_stay_equal_and_different_ones_different(texts: list[str], length: int) -> None:
    first, second = (fitted(text, length) for text in texts)
    assert first != second
    assert fitted(texts[0], length) == first
    assert fitted(first, length) == first
    assert len(first) <= length
    assert first == first.encode().decode()


def test_of_two_long_texts_the_one_that_differs_only_at_its_end_is_another() -> None:
    assert read(session_id="s" * 300 + "a").session_id != read(session_id="s" * 300 + "b").session_id
    assert read(session_id="s" * 300 + "a").session_id == read(session_id="s" * 300 + "a").session_id


@pytest.mark.parametrize(
    ("changes", "field", "kept", "marks"),
    [
        ({"latency_ms": 1234.5678}, "latency_ms", 1235, ("latency_ms",)),
        ({"latency_ms": "0.4"}, "latency_ms", 0, ("latency_ms",)),
        ({"latency_ms": "2000"}, "latency_ms", 2000, ()),
        ({"latency_ms": -1}, "latency_ms", None, ("latency_ms",)),
        ({"latency_ms": 10**12}, "latency_ms", None, ("latency_ms",)),
        ({"latency_ms": float("inf")}, "latency_ms", None, ("latency_ms",)),
        ({"latency_ms": True}, "latency_ms", None, ("latency_ms",)),
        ({"latency_ms": {"p50": 3}}, "latency_ms", None, ("latency_ms",)),
        ({"latency_ms": "soon"}, "latency_ms", None, ("latency_ms",)),
        ({"session_id": 42}, "session_id", "42", ()),
        ({"task_id": ["a", "b"]}, "task_id", "", ("task_id",)),
        ({"task_id": None}, "task_id", "", ()),
        ({"operation": "o" * 129}, "operation", fitted("o" * 129, 128), ("operation",)),
        ({"operation": "re\vrank"}, "operation", fitted("re\vrank", 128), ("operation",)),
        ({"operation": ""}, "operation", "chat", ()),
        ({"operation": {}}, "operation", "unknown", ("operation",)),
        ({"service_tier": "hyper"}, "service_tier", "hyper", ()),
        ({"service_tier": "Hyper Speed"}, "service_tier", "Hyper Speed", ()),
        ({"service_tier": "PRIORITY"}, "service_tier", "priority", ()),
        ({"service_tier": "default"}, "service_tier", "standard", ()),
        ({"service_tier": ""}, "service_tier", "standard", ()),
        ({"service_tier": None}, "service_tier", "standard", ()),
        ({"service_tier": {"name": "flex"}}, "service_tier", "unknown", ("service_tier",)),
        ({"service_tier": "t" * 65}, "service_tier", fitted("t" * 65, 64), ("service_tier",)),
        ({"status": "cancelled"}, "status", "cancelled", ()),
        ({"status": "ERROR"}, "status", "error", ()),
        ({"status": 429}, "status", "429", ()),
        ({"status": None}, "status", "success", ()),
        ({"status": "a\u0000b"}, "status", fitted("a\0b", 64), ("status",)),
        ({"attributes": [{"Key": "team"}]}, "attributes", None, ("attributes",)),
        ({"attributes": {"team": None}}, "attributes", {}, ()),
        ({"attributes": {"beta": True, "run": 7}}, "attributes", {"beta": "true", "run": "7"}, ()),
        ({"attributes": {"": "x", "team": "a"}}, "attributes", {"team": "a"}, ("attributes",)),
        ({"attributes": {"Cost Center": "7"}}, "attributes", {"Cost Center": "7"}, ()),
        (
            {"attributes": {"k" * 133: "v" * 201}},
            "attributes",
            {fitted("k" * 133, 132): fitted("v" * 201, 200)},
            ("attributes",),
        ),
        ({"estimated": "yes"}, "estimated", False, ("estimated",)),
        ({"claimed_cost": -1}, "claimed_cost", None, ("claimed_cost",)),
        ({"claimed_cost": {"amount": 1, "currency": "euros"}}, "claimed_cost", None, ("claimed_cost",)),
        ({"requests": 3.0}, "requests", 3, ()),
        ({"latency_ms": 1.5, "mended": ["tokens"]}, "mended", ("latency_ms", "tokens"), ("latency_ms", "tokens")),
        ({"mended": "everything"}, "mended", (), ()),
    ],
)
def test_a_field_that_decides_nothing_is_mended(
    changes: dict[str, Any], field: str, kept: object, marks: tuple[str, ...]
) -> None:
    event = read(**changes)
    assert (getattr(event, field), event.mended) == (kept, marks)


@pytest.mark.parametrize(
    ("tokens", "fitted_in"),
    [
        ({"input": 100, "cached_input": 120}, {"input": 100, "cached_input": 100}),
        (
            {"input": 100, "cached_input": 80, "cache_write": 50, "audio_input": 9},
            {"input": 100, "cached_input": 80, "cache_write": 20, "audio_input": 0},
        ),
        ({"output": 10, "reasoning": 11, "image_output": 1}, {"output": 10, "reasoning": 10, "image_output": 0}),
        ({"cached_input": 70, "cache_write": 20}, {"input": 90, "cached_input": 70, "cache_write": 20}),
        (
            {"input": 10, "cache_write": 3, "cache_write_1h": 4},
            {"input": 10, "cache_write": 3, "cache_write_1h": 3},
        ),
        ({"cache_write_1h": 4}, {"input": 4, "cache_write": 4, "cache_write_1h": 4}),
        ({"input": 5, "reasoning": 6}, {"input": 5, "output": 6, "reasoning": 6}),
        ({"input": 5, "cached_input": 6, "reasoning": None}, {"input": 5, "cached_input": 5}),
    ],
)
def test_parts_larger_than_the_whole_are_fitted_only_where_the_cost_is_stated(
    tokens: dict[str, Any], fitted_in: dict[str, int]
) -> None:
    event = read(tokens=tokens, cost="0.0123456789012345678")
    assert (event.tokens.model_dump(exclude_unset=True), event.mended) == (fitted_in, ("tokens",))
    assert str(event.cost) == "0.0123456789012345678"
    assert refused(json.dumps({**CALL, "tokens": tokens})).code == "tokens_inconsistent"


def test_no_digit_of_an_amount_is_lost_by_mending_another_field() -> None:
    text = json.dumps({**CALL, "latency_ms": 0.5, "cost": "amount"})
    event = read_event(text.replace('"amount"', "12345678.123456789012345678").encode())
    assert isinstance(event, UsageEvent)
    assert str(event.cost) == "12345678.123456789012345678"


@pytest.mark.parametrize(
    ("changes", "kept"),
    [({"gpu_seconds": "1.23456789"}, "1.234568"), ({"gpu_seconds": 0.5}, "0.5"), ({"gpu_seconds": 1e-6}, "0.000001")],
)
def test_seconds_are_rounded_to_the_microsecond(changes: dict[str, Any], kept: str) -> None:
    assert str(read(**changes).gpu_seconds) == kept


def test_a_currency_in_small_letters_is_the_same_currency() -> None:
    event = read(cost={"amount": "1.5", "currency": "usd"})
    assert event.model_dump(mode="json")["cost"] == {"amount": "1.5", "currency": "USD"}


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"id": ""}, "empty", "id"),
        ({"id": "i" * 201}, "too_long", "id"),
        ({"id": None}, "invalid_value", "id"),
        ({"source": "a\nb"}, "invalid_text", "source"),
        ({"model": 7}, "invalid_value", "model"),
        ({"provider": None}, "invalid_value", "provider"),
        ({"occurred_at": "noon"}, "invalid_time", "occurred_at"),
        ({"tokens": {"input": 1.5}}, "invalid_value", "tokens.input"),
        ({"tokens": {"input": None}}, "invalid_value", "tokens.input"),
        ({"tokens": {"inputs": 5}}, "unknown_field", "tokens.?"),
        ({"cost": "NaN"}, "out_of_range", "cost"),
        ({"cost": -2 * 10**9}, "out_of_range", "cost"),
        ({"requests": 0}, "out_of_range", "requests"),
        ({"quantities": {"page": "0.0000001"}}, "out_of_range", "quantities"),
        ({"cached_response": "yes"}, "invalid_value", "cached_response"),
        ({"note": "x"}, "unknown_field", "note"),
    ],
)
def test_what_identifies_or_prices_a_call_is_not_guessed_whatever_else_is_mended(
    changes: dict[str, Any], code: str, field: str
) -> None:
    fault = refused(json.dumps({**CALL, "latency_ms": 0.25, "session_id": "s" * 500, **changes}))
    assert (fault.code, fault.field) == (code, field)


def test_a_record_that_fits_is_left_alone() -> None:
    assert mended({**CALL, "task_id": "t", "latency_ms": 5}) is None
    assert read().mended == ()
