"""A call of which two spans tell, each in a request of its own."""

from typing import Any

from allocation.usage.engine.traced_calls import CallSpan, TracedCalls, span_key
from allocation.usage.operations import record_usage
from tests.allocation.conftest import AT, event


def spans_of(call: int) -> tuple[CallSpan, CallSpan]:
    """A framework's span around its client's; each call after the one before."""
    at, trace = 10 * call, f"{call + 1:032x}"
    outer, inner = span_key(trace, "outer"), span_key(trace, "inner")
    return (
        CallSpan(outer, "", f"{call}-outer", "call", "framework", "shop", at, at + 2, "gpt-4o", tokens=(1000, 100)),
        CallSpan(
            inner,
            outer,
            f"{call}-inner",
            "call",
            "sdk",
            "shop",
            at + 1,
            at + 2,
            "gpt-4o",
            tokens=(1000, 100),
            figures="x",
        ),
    )


def tell(scope_id: int, *spans: CallSpan, **told: Any) -> int:
    parents = {span.key: span.parent for span in spans if span.parent}
    events = [event(id=span.event_id, source="otlp", **told) for span in spans]
    traced = TracedCalls(spans, [], parents, {})
    return record_usage(events=events, key_scope_id=scope_id, traced=traced, at=AT).accepted
