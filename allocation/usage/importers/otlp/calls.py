"""The spans of a request as calls: which of them only repeat another, and what the spans around a call say of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from allocation.usage.engine.traced_calls import CallSpan, CallTree, Kind, TracedCalls, digest, span_key
from allocation.usage.importers.otlp import genai, names
from allocation.usage.importers.otlp.spans import LITELLM_CALL_ID, OWN_PREFIX, Scalar, Span

# The beginnings of names of what a span says about the call beside its usage.
CONTEXT = (
    OWN_PREFIX, *names.PREFIXES, *names.SESSIONS, *names.PEOPLE, "gen_ai.agent.name", "gen_ai.agent.id",
    "gen_ai.workflow.name",
)  # fmt: skip
CLAIMS = (*names.CLAIMED, *names.CLAIMED_PARTS)


def key_of(span: Span) -> str:
    """Names the span within its organisation."""
    return span_key(span.trace_id, span.span_id)


def parent_of(span: Span) -> str:
    """The key of the span's parent; empty for none, and for a span that has no name of its own."""
    return span_key(span.trace_id, span.parent_id) if span.span_id and span.parent_id else ""


class RequestCalls:
    """The usage spans of one request. LiteLLM's spans have an identity of their own, and are no repetitions."""

    def __init__(self, spans: Sequence[Span], parents: Mapping[str, str]) -> None:
        self._spans = {key_of(span): span for span in spans}
        self._calls = [call_span(span) for span in spans]
        self._parents = parents
        self._tree = CallTree(self._calls, parents)
        self.repeating = self._tree.repeating
        self._outer: defaultdict[str, list[str]] = defaultdict(list)
        for outer, inner in self.repeating.items():
            self._outer[self._tree.standing(inner)].append(outer)

    def is_above_calls(self, span: Span) -> bool:
        """Whether a call below the span has already reported its tokens."""
        return key_of(span) in self._tree.above_calls

    def completed(self, span: Span) -> Span:
        """The call with what only the spans around it say of it: whose it is, and the cost they claim."""
        told: dict[str, Scalar] = {}
        for key in self._outer.get(key_of(span), ()):
            outer = self._spans[key]
            alike = genai.operation_of(outer) in names.CALLS and call_span(outer).states_again(call_span(span))
            wanted = (*CONTEXT, *CLAIMS) if alike else CONTEXT
            told |= {name: value for name, value in outer.attributes.items() if name.startswith(wanted)}
        return replace(span, attributes={**told, **span.attributes}) if told else span

    def traced(self, links: Sequence[Span]) -> TracedCalls:
        """What tells calls apart from those of other requests. `links` are the spans that may lie between calls."""
        calls = [call for call in self._calls if call.kind != "gateway" and call.event_id]
        calls = [
            replace(call, kind="sum")
            if genai.runs_elsewhere(self._spans[call.key]) and call.key not in self._tree.above_calls
            else call
            for call in calls
        ]
        return TracedCalls(calls, [_link(span) for span in links], self._parents, self.repeating)


def call_span(span: Span) -> CallSpan:
    """What tells whether the span is the same call as another."""
    attributes = span.attributes
    has_tokens = genai.has_tokens(span)
    tokens = genai.tokens_of(attributes) if has_tokens else {}
    response = attributes.get(names.RESPONSE_ID)
    model = genai.model_of(span)
    return CallSpan(
        key=key_of(span),
        parent=parent_of(span),
        event_id=f"{span.trace_id}-{span.span_id}" if span.trace_id and span.span_id else "",
        kind=_kind_of(span),
        instrumentation=span.instrumentation,
        place=digest(sorted(span.resource.items())),
        started_ns=span.started_ns,
        ended_ns=span.ended_ns,
        model="" if model is None else str(model),
        models=frozenset(str(attributes[name]) for name in names.MODELS if attributes.get(name)),
        tokens=(tokens["input"], tokens["output"]) if has_tokens else None,
        figures=digest(genai.price_basis(span), sorted(tokens.items())) if has_tokens else "",
        response=digest(response) if response else "",
        is_given_once=genai.has_unique_response(span),
    )


def _kind_of(span: Span) -> Kind:
    if LITELLM_CALL_ID in span.attributes:
        return "gateway"
    if genai.is_orchestration(span):
        return "agent"
    return "call" if genai.operation_of(span) in names.CALLS else "sum"


def _link(span: Span) -> CallSpan:
    kind: Kind = "link" if names.STEPS.isdisjoint(span.attributes) else "agent"
    return CallSpan(key_of(span), parent_of(span), "", kind, "", "", span.started_ns, span.ended_ns)
