"""Which spans of a request are the same model call, so that it counts once however many instrumentations saw it.

An SDK that traces itself, a framework around it and an observability library each make a span of one call: nested, or
side by side where the framework passes no context on. The innermost span stands; it was closest to the provider.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from allocation.usage.importers.otlp import genai, names
from allocation.usage.importers.otlp.spans import LITELLM_CALL_ID, OWN_PREFIX, Scalar, Span

# The beginnings of names of what a span says about the call beside its usage.
CONTEXT = (
    OWN_PREFIX, *names.PREFIXES, *names.SESSIONS, *names.PEOPLE, "gen_ai.agent.name", "gen_ai.agent.id",
    "gen_ai.workflow.name",
)  # fmt: skip
CLAIMS = (*names.CLAIMED, *names.CLAIMED_PARTS)


def key_of(span: Span) -> str:
    """Names the span within its request."""
    return f"{span.trace_id}-{span.span_id}"


class CallTree:
    """The usage spans of one request, with the parents of all of its spans.

    `above_calls` are the keys of spans that have a call with tokens below them, `repeating` of those that state again
    what another span of the request states: they share its response id, lie above it and state the same tokens or none,
    are an unknown operation above any call, or another instrumentation's span around it with the same model and tokens.
    LiteLLM's spans have an identity of their own and take no part in this.
    """

    def __init__(self, spans: Sequence[Span], parents: Mapping[str, str]) -> None:
        self._parents = parents
        self._calls = {
            key_of(span): span
            for span in spans
            if not genai.is_orchestration(span) and LITELLM_CALL_ID not in span.attributes
        }
        counted = [span for span in spans if not genai.is_orchestration(span) and genai.has_tokens(span)]
        self.above_calls = {ancestor for span in counted for ancestor in self._ancestors(span)}
        metered = [span for span in counted if LITELLM_CALL_ID not in span.attributes]
        self._innermost = (
            self._around_others(metered) | self._sharing_a_response(metered) | self._stated_by_ancestors(metered)
        )
        self.repeating = self._innermost.keys()
        self._outer: defaultdict[str, list[Span]] = defaultdict(list)
        for outer, inner in self._innermost.items():
            self._outer[self._standing(inner)].append(self._calls[outer])

    def completed(self, span: Span) -> Span:
        """The call with what only the spans around it say of it: whose it is, and the cost they claim."""
        told: dict[str, Scalar] = {}
        for outer in self._outer.get(key_of(span), ()):
            alike = _states_again(outer, span) and genai.operation_of(outer) in names.CALLS
            wanted = (*CONTEXT, *CLAIMS) if alike else CONTEXT
            told |= {name: value for name, value in outer.attributes.items() if name.startswith(wanted)}
        return replace(span, attributes={**told, **span.attributes}) if told else span

    def _standing(self, key: str) -> str:
        """The span that stands for one that may itself be a repetition."""
        seen = {key}
        while key in self._innermost and self._innermost[key] not in seen:
            key = self._innermost[key]
            seen.add(key)
        return key

    def _ancestors(self, span: Span) -> Iterator[str]:
        """From the span's parent upwards; of a circle that a sender made nobody is above anybody."""
        lineage: dict[str, None] = {}
        ancestor = self._parents.get(key_of(span))
        while ancestor is not None and ancestor not in lineage:
            lineage[ancestor] = None
            ancestor = self._parents.get(ancestor)
        return iter(() if ancestor is not None else lineage)

    def _stated_by_ancestors(self, metered: Sequence[Span]) -> dict[str, str]:
        """The spans that lie above what they state, each with the call below it."""
        return {
            ancestor: key_of(span)
            for span in metered
            for ancestor in self._ancestors(span)
            if ancestor in self._calls and _states_again(self._calls[ancestor], span)
        }

    def _sharing_a_response(self, metered: Sequence[Span]) -> dict[str, str]:
        """All but the innermost, or else the first, of the spans with one response id, each with that one. A short id
        may be another answer's, too: it counts only within a trace and with the same tokens.
        """
        by_response: defaultdict[object, list[Span]] = defaultdict(list)
        for span in metered:
            if response := span.attributes.get(names.RESPONSE_ID):
                by_response[response, *_like_short_ids(span)].append(span)
        repeating: dict[str, str] = {}
        for sharing in by_response.values():
            keys = {key_of(span) for span in sharing}
            above = {ancestor for span in sharing for ancestor in self._ancestors(span)} & keys
            innermost = next((key for key in map(key_of, sharing) if key not in above), key_of(sharing[0]))
            repeating |= dict.fromkeys(keys - {innermost}, innermost)
        return repeating

    def _around_others(self, metered: Sequence[Span]) -> dict[str, str]:
        """Spans of two instrumentations that are no ancestors of each other: what was made around a call of the same
        model with the same tokens, in time, is that call. Each inner span answers for one outer span at most.
        """
        alike: defaultdict[object, list[Span]] = defaultdict(list)
        for span in metered:
            tokens = genai.tokens_of(span.attributes)
            alike[genai.model_of(span), tokens["input"], tokens["output"]].append(span)
        repeating: dict[str, str] = {}
        for group in alike.values():
            if len({span.instrumentation for span in group}) == 1:
                continue
            answered: set[tuple[str, str]] = set()
            by_start = sorted(range(len(group)), key=lambda number: group[number].started_ns)
            starts = [group[number].started_ns for number in by_start]
            for outer in group:
                first, after = bisect_left(starts, outer.started_ns), bisect_left(starts, outer.ended_ns)
                for number in sorted(by_start[first:after]):
                    inner = group[number]
                    if not _is_around(outer, inner):
                        continue
                    pair = (key_of(inner), outer.instrumentation)
                    if pair not in answered and key_of(inner) not in repeating:
                        answered.add(pair)
                        repeating[key_of(outer)] = key_of(inner)
                        break
        return repeating


def _states_again(outer: Span, inner: Span) -> bool:
    """Whether a call that lies above another is the same one."""
    if genai.operation_of(outer) not in names.CALLS:
        return True
    if not genai.has_tokens(outer):
        return genai.model_of(outer) is None or not _models(outer).isdisjoint(_models(inner))
    response = outer.attributes.get(names.RESPONSE_ID)
    if response and response == inner.attributes.get(names.RESPONSE_ID):
        return True
    ours, theirs = genai.tokens_of(outer.attributes), genai.tokens_of(inner.attributes)
    return all(ours[name] == theirs[name] for name in ("input", "output"))


def _like_short_ids(span: Span) -> tuple[object, ...]:
    """What spans with one response id must have in common; nothing where the id was surely given once."""
    if genai.has_unique_response(span):
        return ()
    tokens = genai.tokens_of(span.attributes)
    return span.trace_id, tokens["input"], tokens["output"]


def _models(span: Span) -> set[object]:
    return {span.attributes[name] for name in names.MODELS if span.attributes.get(name)}


def _is_around(outer: Span, inner: Span) -> bool:
    return (
        outer.instrumentation != inner.instrumentation
        and outer.resource == inner.resource
        and outer.started_ns <= inner.started_ns < inner.ended_ns <= outer.ended_ns
    )
