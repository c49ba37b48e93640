"""Whichever span of a call comes first, and in whichever request, the call counts once."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from allocation.usage.engine.traced_calls import CallSpan, KnownSpan, TracedCalls, judged, span_key

TRACE = "5b8efff798038103d269b633813fc60c"
GPT = frozenset({"gpt-4o"})


def key(number: int) -> str:
    return span_key(TRACE, f"{number:016x}")


def made(number: int, parent: int = 0, **told: Any) -> CallSpan:
    """1,000 tokens in, 100 out, from second `number` to 10 - `number`: each lies inside the one before."""
    whole: dict[str, Any] = {
        "kind": "call", "instrumentation": f"library {number}", "place": "shop", "started_ns": number,
        "ended_ns": 10 - number, "model": "gpt-4o", "models": GPT, "tokens": (1000, 100), "figures": "1000 at $2.50",
    } | told  # fmt: skip
    return CallSpan(key(number), key(parent) if parent else "", f"event-{number}", **whole)


def link(number: int, parent: int, **told: Any) -> CallSpan:
    nothing: dict[str, Any] = {"kind": "agent", "model": "", "models": frozenset(), "tokens": None, "figures": ""}
    return made(number, parent, **nothing | told)


def counting(spans: Sequence[CallSpan]) -> list[CallSpan]:
    """The spans whose records count in the end, each having come by itself."""
    known: dict[str, KnownSpan] = {}
    for span in spans:
        is_call = span.kind in {"call", "sum"}
        traced = TracedCalls(
            [span] if is_call else [], [] if is_call else [span], {span.key: span.parent} if span.parent else {}, {}
        )
        judgement = judged(known, traced, {span.key} if is_call else set())
        known = dict(judgement.spans)
    return [one.span for one in known.values() if one.counts]


CASES: dict[str, tuple[list[CallSpan], int]] = {
    "one": ([made(1)], 1),
    "a framework above its client": ([made(1), made(2, 1)], 1),
    "four of them": ([made(1), made(2, 1), made(3, 2), made(4, 3)], 1),
    "the answer's id": ([made(1, response="r", is_given_once=True), made(2, response="r", is_given_once=True)], 1),
    "two calls below one": ([made(1), made(2, 1, instrumentation="sdk"), made(3, 1, instrumentation="sdk")], 2),
    "three at once": ([made(number, instrumentation="sdk") for number in (1, 2, 3)], 3),
    "a sum": (
        [
            made(1, kind="sum", tokens=(2000, 200), figures="2000"), made(2, 1, instrumentation="sdk"),
            made(3, 1, instrumentation="sdk"),
        ], 2,
    ),
    "a sum of calls that others trace too": (
        [
            made(1, kind="sum", tokens=(2000, 200), figures="2000"), made(2, 1, instrumentation="framework"),
            made(3, 2, figures="cached"),
        ], 1,
    ),
    "a step of an agent between them": ([made(1), link(2, 1), made(3, 2)], 1),
    "two steps": ([made(1), link(2, 1), link(3, 2), made(4, 3)], 1),
    "around each other": ([made(1), made(2)], 1),
    "other tokens": ([made(1, tokens=(7, 100)), made(2, 1)], 2),
    "another process": ([made(1, place="till"), made(2)], 2),
    "a circle": ([made(1, 2, instrumentation="sdk"), made(2, 1, instrumentation="sdk")], 2),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_order_of_spans_counts_as_many_calls(case: str) -> None:
    spans, wanted = CASES[case]

    assert {len(counting(order)) for order in permutations(spans)} == {wanted}


@pytest.mark.parametrize("figures", ["1000 at $2.50", "400 of them cached"])
def test_what_counts_has_the_innermost_spans_figures(figures: str) -> None:
    spans = [made(1), made(2, 1), made(3, 2, figures=figures)]

    assert {one.figures for order in permutations(spans) for one in counting(order)} == {figures}


def test_a_span_that_comes_again_changes_nothing() -> None:
    outer, inner = made(1), made(2, 1)
    first = judged({}, TracedCalls([outer, inner], [], {inner.key: outer.key}, {outer.key: inner.key}), {inner.key})
    again = judged(first.spans, TracedCalls([outer], [], {}, {}), {outer.key})

    assert (first.declined, first.superseded) == (frozenset(), frozenset())
    assert (again.declined, again.superseded, again.spans) == ({outer.key}, frozenset(), first.spans)


def test_what_was_refused_counts_when_it_comes_again() -> None:
    refused = judged({}, TracedCalls([made(1)], [], {}, {}), set())
    accepted = judged(refused.spans, TracedCalls([made(1)], [], {}, {}), {key(1)})

    assert [one.counts for one in refused.spans.values()] == [False]
    assert ([one.counts for one in accepted.spans.values()], accepted.declined) == ([True], frozenset())
