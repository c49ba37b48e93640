"""Several instrumentations see one call; it counts once, by its innermost span."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from allocation.meters.documents import Money, UsageEvent
from allocation.usage.importers.otlp.reading import read_traces
from allocation.usage.models import UsageRecord
from tests.allocation.otlp_bodies import NOW, as_json, as_protobuf, chat, pairs, request, span
from tests.allocation.usage.importers.otlp.read import post

ELSEWHERE = "0af7651916cd43dd8448eb211c80319c"
STEP = {"gen_ai.operation.name": "agent_step"}
NO_TOKENS = {"gen_ai__usage__input_tokens": 0, "gen_ai__usage__output_tokens": 0}


def events_of(*scopes: tuple[str, list[dict[str, Any]]]) -> list[UsageEvent]:
    """By instrumentation, its spans; the same whichever way the request is encoded."""
    body = {
        "resourceSpans": [
            {
                "resource": {"attributes": pairs({"service.name": "shop"})},
                "scopeSpans": [{"scope": {"name": name}, "spans": spans} for name, spans in scopes],
            }
        ]
    }
    ways = [
        read_traces(packed, encoding=encoding, records_max=100, price="catalogue")
        for packed, encoding in ((as_json(body), "json"), (as_protobuf(body), "protobuf"))
    ]
    assert ways[0].events == ways[1].events
    assert ways[0].refused == ways[1].refused == []
    return ways[0].events


def counted(*scopes: tuple[str, list[dict[str, Any]]]) -> list[str]:
    """The span numbers that became a record with tokens."""
    return [event.id[-1] for event in events_of(*scopes) if event.tokens.input]


@pytest.mark.parametrize(
    ("scopes", "wanted"),
    [
        pytest.param(
            [("a", [span(1, chat(gen_ai__response__id="r1")), span(2, chat(gen_ai__response__id="r1"), parent=1)])],
            ["2"], id="an outer span with the inner one's response id",
        ),
        pytest.param(
            [("a", [span(2, chat(gen_ai__response__id="r1"), parent=1), span(1, chat(gen_ai__response__id="r1"))])],
            ["2"], id="in the other order",
        ),
        pytest.param(
            [("a", [span(1, chat(gen_ai__response__id="r1")), span(2, chat(gen_ai__response__id="r1"))])],
            ["1"], id="two spans side by side with one response id",
        ),
        pytest.param(
            [("a", [span(1, chat(gen_ai__response__id="r1")), span(2, chat(gen_ai__response__id="r2"))])],
            ["1", "2"], id="two responses are two calls",
        ),
        pytest.param(
            [("a", [span(1, chat()), span(2, chat(), parent=1)])], ["2"], id="the same tokens above, without an id",
        ),
        pytest.param(
            [("a", [span(1, chat(gen_ai__usage__input_tokens=7)), span(2, chat(), parent=1)])],
            ["1", "2"], id="other tokens above are another call",
        ),
        pytest.param(
            [("a", [span(1, chat(**NO_TOKENS)), span(2, chat(), parent=1)])], ["2"], id="no tokens above",
        ),
        pytest.param(
            [("a", [span(1, chat(**STEP)), span(2, chat(), parent=1), span(3, chat(), parent=1)])],
            ["2", "3"], id="an unknown operation that sums up the calls below it",
        ),
        pytest.param([("a", [span(1, chat(**STEP))])], ["1"], id="an unknown operation with tokens of its own"),
        pytest.param(
            [
                ("framework", [span(1, chat(), lasted_ms=300)]),
                ("sdk", [span(2, chat(), at=NOW + timedelta(milliseconds=10), trace_id=ELSEWHERE)]),
            ],
            ["2"], id="another instrumentation around it, in a trace of its own",
        ),
        pytest.param(
            [
                ("framework", [span(1, chat(), lasted_ms=300), span(3, chat(), lasted_ms=300)]),
                ("sdk", [span(2, chat(), at=NOW + timedelta(milliseconds=10), trace_id=ELSEWHERE)]),
            ],
            ["3", "2"], id="one inner span answers for one outer span",
        ),
        pytest.param(
            [("a", [span(1, chat(), lasted_ms=300), span(2, chat(), at=NOW + timedelta(milliseconds=10))])],
            ["1", "2"], id="of one instrumentation two calls at once are two",
        ),
        pytest.param(
            [
                ("framework", [span(1, chat(), lasted_ms=300)]),
                ("sdk", [span(2, chat(), at=NOW + timedelta(milliseconds=200), trace_id=ELSEWHERE)]),
            ],
            ["1", "2"], id="what ends later is not inside",
        ),
        pytest.param(
            [("a", [span(1, chat(), parent=2), span(2, chat(), parent=1)])], ["1", "2"],
            id="in a circle nobody is above anybody",
        ),
    ],
)  # fmt: skip
def test_a_call_counts_once(scopes: list[tuple[str, list[dict[str, Any]]]], wanted: list[str]) -> None:
    assert counted(*scopes) == wanted


def test_a_call_without_tokens_above_another_model_stays() -> None:
    events = events_of(
        (
            "a",
            [
                span(1, chat(gen_ai__response__model="o3", gen_ai__request__model="o3", **NO_TOKENS)),
                span(2, chat(), parent=1),
            ],
        )
    )

    assert [(event.model, event.tokens.input) for event in events] == [("o3", 0), ("gpt-4o", 1000)]


def test_an_unknown_operation_without_model_and_tokens_is_orchestration() -> None:
    (event,) = events_of(("a", [span(1, STEP)]))

    assert (event.provider, event.model, event.operation, event.cost) == ("agent", "agent_step", "agent_step", 0)


def test_what_only_the_outer_span_says_of_the_call_is_kept() -> None:
    outer = chat(
        gen_ai__response__id="r1", gen_ai__conversation__id="c-1", operation__cost=0.25, weir__feature="ranking",
        gen_ai__agent__name="planner",
    )  # fmt: skip
    inner = chat(gen_ai__response__id="r1", gen_ai__usage__cache_read__input_tokens=400)
    (event,) = events_of(("framework", [span(1, outer)]), ("sdk", [span(2, inner, parent=1)]))

    assert (event.id[-1], event.tokens.cached_input, event.session_id) == ("2", 400, "c-1")
    assert event.attributes == {"service": "shop", "feature": "ranking", "agent": "planner"}
    assert event.claimed_cost is not None


def test_the_innermost_spans_own_word_stands() -> None:
    outer = chat(gen_ai__response__id="r1", session__id="outer", operation__cost=0.25)
    inner = chat(gen_ai__response__id="r1", session__id="inner", operation__cost=0.5)
    (event,) = events_of(("framework", [span(1, outer)]), ("sdk", [span(2, inner, parent=1)]))

    assert (event.session_id, event.claimed_cost) == ("inner", Money(amount=Decimal("0.5"), currency="USD"))


def test_a_sum_over_several_calls_claims_for_none_of_them() -> None:
    step = {**STEP, "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", "operation.cost": 0.5,
            "gen_ai.usage.input_tokens": 2000, "gen_ai.conversation.id": "c-1"}  # fmt: skip
    calls = [span(number, chat(), parent=1, at=NOW + timedelta(seconds=number)) for number in (2, 3)]
    events = events_of(("a", [span(1, step, lasted_ms=9000), *calls]))

    assert [(event.id[-1], event.claimed_cost) for event in events] == [("2", None), ("3", None)]


def test_a_local_servers_short_id_comes_again() -> None:
    """Some draw from a thousand numbers: equal ids are equal answers only with the same tokens in one trace."""
    told = chat(gen_ai__response__id="chatcmpl-7")
    other = chat(gen_ai__response__id="chatcmpl-7", gen_ai__usage__output_tokens=99)

    assert counted(("a", [span(1, told), span(2, other)])) == ["1", "2"]
    assert counted(("a", [span(1, told), span(2, told, trace_id=ELSEWHERE)])) == ["1", "2"]


CLAUDE = {
    "gen_ai__provider__name": "anthropic", "gen_ai__request__model": "claude-sonnet-4-5", "gen_ai__response__model": "",
    "gen_ai__response__id": "msg_01XFDUDYJgAACzvnptvVoYEL",
}  # fmt: skip


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_claudes_sdk_and_what_lies_around_it_are_one_call_in_requests_of_their_own(
    sender: APIClient, order: tuple[int, int]
) -> None:
    """A processor without batches sends each span by itself."""
    spans = {1: span(1, chat(**CLAUDE)), 2: span(2, chat(**CLAUDE), parent=1, at=NOW + timedelta(milliseconds=3))}
    for number in (*order, *order):
        post(sender, request(spans[number]))
    another = chat(**{**CLAUDE, "gen_ai__response__id": "msg_01Aq9w938a90dw8q8a90dw8q"})
    post(sender, request(span(3, another)))

    assert UsageRecord.objects.count() == 2
