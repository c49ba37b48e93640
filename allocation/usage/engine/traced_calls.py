"""Which spans are the same model call, so that it counts once however many instrumentations saw it.

An SDK that traces itself, a framework around it and an observability library each make a span of one call: nested, or
side by side where the framework passes no context on. The innermost span stands; it was closest to the provider.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Literal

# A model call; an operation that nobody knows, or an agent elsewhere, which sums up the calls below it; a call of a
# gateway, which has an identity of its own; an operation without tokens of its own; a span of anything else.
Kind = Literal["call", "sum", "gateway", "agent", "link"]
NOTHING: Mapping[str, str] = {}
ID_BYTES = 8


def digest(*parts: object, size: int = 16) -> str:
    """Hexadecimal; of parts that are told apart."""
    return blake2b("\n".join(map(repr, parts)).encode(), digest_size=size).hexdigest()


def span_key(trace_id: str, span_id: str) -> str:
    """Names a span within its organisation."""
    return _short(trace_id) + _short(f"{trace_id}-{span_id}")


def _short(name: str) -> str:
    return blake2b(name.encode(), digest_size=ID_BYTES).hexdigest()


@dataclass(frozen=True, slots=True)
class CallSpan:
    """What tells whether a span is the same call as another. `key` and `parent` are `span_key`s, `event_id` is that of
    the event that the span would be. `place` tells processes apart, `model` is empty where none is stated, `models` are
    all its names. `tokens` are input and output, None where none are stated; `figures` stands for all that decides the
    price. `response` stands for the id of the answer, empty without one; `is_given_once`: no other answer has it. Times
    in nanoseconds since 1970.
    """

    key: str
    parent: str
    event_id: str
    kind: Kind
    instrumentation: str
    place: str
    started_ns: int
    ended_ns: int
    model: str = ""
    models: frozenset[str] = frozenset()
    tokens: tuple[Any, Any] | None = None
    figures: str = ""
    response: str = ""
    is_given_once: bool = False

    @property
    def answer(self) -> str:
        """What spans of one answer have in common; empty where its id is not known. A short id may be another answer's,
        too: it holds only within a trace and with the same tokens.
        """
        if not self.response or self.is_given_once:
            return self.response
        return digest(self.response, self.key[: 2 * ID_BYTES], self.tokens)

    @property
    def may_repeat(self) -> bool:
        """Whether the span may be the same call as another."""
        return self.kind in {"call", "sum"}

    @property
    def is_metered(self) -> bool:
        """Whether another span may be the same call as this one."""
        return self.may_repeat and self.tokens is not None

    @property
    def likeness(self) -> str:
        """What two spans of one call have in common where neither knows the other."""
        return digest(self.place, self.model, self.tokens)

    def is_around(self, inner: "CallSpan") -> bool:
        """Whether another instrumentation of the same process made this span around the other one, in time."""
        return (
            self.instrumentation != inner.instrumentation
            and self.place == inner.place
            and self.started_ns <= inner.started_ns < inner.ended_ns <= self.ended_ns
        )

    def states_again(self, inner: "CallSpan") -> bool:
        """Whether a span that lies above another is the same call."""
        if self.kind != "call":
            return True
        if self.tokens is None:
            return not self.model or not self.models.isdisjoint(inner.models)
        return self.tokens == inner.tokens or bool(self.response and self.response == inner.response)


class CallTree:
    """Spans of calls, with the parents of all spans that are known.

    `above_calls` are the keys of spans that have a call with tokens below them. `repeating` maps those that state again
    what another span states onto that one: they share its response id, lie above it and state the same tokens or none,
    are an unknown operation above any call, or another instrumentation's span around it with the same model and tokens.
    What is `known` to repeat stays so.
    """

    def __init__(
        self, spans: Sequence[CallSpan], parents: Mapping[str, str], known: Mapping[str, str] = NOTHING
    ) -> None:
        self._parents = parents
        self._known = known
        self._calls = {span.key: span for span in spans if span.may_repeat}
        metered = [span for span in spans if span.is_metered]
        gateways = [span for span in spans if span.kind == "gateway" and span.tokens is not None]
        self.above_calls = {ancestor for span in (*metered, *gateways) for ancestor in self._ancestors(span)}
        self.repeating = dict(known)
        found = self._around_others(metered) | self._sharing_a_response(metered) | self._stated_by_ancestors(metered)
        for outer, inner in found.items():
            if outer not in known and self.standing(inner) != outer:
                self.repeating[outer] = inner

    def standing(self, key: str) -> str:
        """The span that stands for one that may itself be a repetition."""
        seen = {key}
        while key in self.repeating and self.repeating[key] not in seen:
            key = self.repeating[key]
            seen.add(key)
        return key

    def _ancestors(self, span: CallSpan) -> Iterable[str]:
        return _lineage(span.key, self._parents)

    def _stated_by_ancestors(self, metered: Sequence[CallSpan]) -> dict[str, str]:
        """The spans that lie above what they state, each with the call below it."""
        return {
            ancestor: span.key
            for span in metered
            for ancestor in self._ancestors(span)
            if ancestor in self._calls and self._calls[ancestor].states_again(span)
        }

    def _sharing_a_response(self, metered: Sequence[CallSpan]) -> dict[str, str]:
        """All but one of the spans with one response id, each with that one: below the others, or else begun last,
        since what lies around a call begins before it.
        """
        by_response: defaultdict[str, list[CallSpan]] = defaultdict(list)
        for span in metered:
            if span.answer:
                by_response[span.answer].append(span)
        repeating: dict[str, str] = {}
        for sharing in by_response.values():
            keys = {span.key for span in sharing}
            above = {ancestor for span in sharing for ancestor in self._ancestors(span)} & keys
            lowest = [span for span in sharing if span.key not in above] or sharing
            innermost = max(lowest, key=lambda span: span.started_ns).key
            repeating |= dict.fromkeys(keys - {innermost}, innermost)
        return repeating

    def _around_others(self, metered: Sequence[CallSpan]) -> dict[str, str]:
        """Spans of two instrumentations that are no ancestors of each other: what was made around a call of the same
        model with the same tokens, in time, is that call. Each inner span answers for one outer span at most.
        """
        alike: defaultdict[str, list[CallSpan]] = defaultdict(list)
        for span in metered:
            alike[span.likeness].append(span)
        repeating: dict[str, str] = {}
        for group in alike.values():
            if len({span.instrumentation for span in group}) == 1:
                continue
            answered = {(self._known[span.key], span.instrumentation) for span in group if span.key in self._known}
            by_start = sorted(range(len(group)), key=lambda number: group[number].started_ns)
            starts = [group[number].started_ns for number in by_start]
            for outer in group:
                if outer.key in self._known:
                    continue
                first, after = bisect_left(starts, outer.started_ns), bisect_left(starts, outer.ended_ns)
                for number in sorted(by_start[first:after]):
                    inner = group[number]
                    pair = (inner.key, outer.instrumentation)
                    if outer.is_around(inner) and pair not in answered and inner.key not in repeating:
                        answered.add(pair)
                        repeating[outer.key] = inner.key
                        break
        return repeating


@dataclass(frozen=True, slots=True)
class TracedCalls:
    """The spans of a request. `links` are those that may lie between calls, `parents` has all parents by key,
    `repeating` the spans that repeat another one of the request.
    """

    calls: Sequence[CallSpan]
    links: Sequence[CallSpan]
    parents: Mapping[str, str]
    repeating: Mapping[str, str]

    @property
    def tells_anything(self) -> bool:
        """Whether any of the spans may have to do with a call."""
        return bool(self.calls or self.links)


@dataclass(frozen=True, slots=True)
class KnownSpan:
    """A span of an earlier request. `repeats` is the key of what it repeats, empty for none; `counts` says whether its
    record counts, `counted_by` whose record counts in its place.
    """

    span: CallSpan
    repeats: str = ""
    counts: bool = False
    counted_by: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of a request's spans and those known before. `declined` are not to be recorded, `superseded` were
    recorded and are to be taken back; `spans` is every span as it is known from now on.
    """

    declined: frozenset[str]
    superseded: frozenset[str]
    spans: Mapping[str, KnownSpan]


def judged(known: Mapping[str, KnownSpan], traced: TracedCalls, offered: AbstractSet[str]) -> Judgement:
    """Each call counts once. Of the spans of a call the innermost counts, or one that came before it and has the same
    figures. `offered` are the keys of the request's spans that can be recorded.
    """
    new = {span.key: KnownSpan(span) for span in traced.calls if span.key not in known}
    spans = {**known, **new}
    parents = {**{key: one.span.parent for key, one in known.items() if one.span.parent}, **traced.parents}
    spans |= {link.key: KnownSpan(link) for link in _between(spans, traced.links, parents) if link.key not in known}
    repeats = {key: one.repeats for key, one in known.items() if one.repeats}
    tree = CallTree(
        [one.span for one in spans.values()],
        parents,
        {**{outer: inner for outer, inner in traced.repeating.items() if outer in new}, **repeats},
    )
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for key, one in spans.items():
        if one.span.may_repeat:
            groups[tree.standing(key)].append(key)
    declined: set[str] = set()
    superseded: set[str] = set()
    counted_by: dict[str, str] = {}
    for innermost, group in groups.items():
        counts = _counting(innermost, group, spans, offered)
        counted_by[innermost] = "" if counts == innermost else counts
        declined |= {key for key in group if key in offered and key != counts}
        superseded |= {key for key in group if spans[key].counts and key != counts}
    after = {
        key: replace(
            one,
            repeats=tree.repeating.get(key, ""),
            counts=(one.counts or key in offered) and key not in declined | superseded,
            counted_by=counted_by.get(key, ""),
        )
        for key, one in spans.items()
    }
    return Judgement(frozenset(declined), frozenset(superseded), after)


def _between(
    spans: Mapping[str, KnownSpan], links: Sequence[CallSpan], parents: Mapping[str, str]
) -> Iterator[CallSpan]:
    """The links that lie above a call or below one, so that they may join it to another; and all steps of agents, since
    what they join may be yet to come.
    """
    if not links:
        return
    above = {ancestor for one in spans.values() for ancestor in _lineage(one.span.key, parents)}
    for link in links:
        below = (key in spans and spans[key].span.may_repeat for key in _lineage(link.key, parents))
        if link.kind == "agent" or link.key in above or any(below):
            yield link


def _lineage(key: str, parents: Mapping[str, str]) -> Iterable[str]:
    """From the span's parent upwards; of a circle that a sender made nobody is above anybody."""
    lineage: dict[str, None] = {}
    ancestor = parents.get(key)
    while ancestor is not None and ancestor not in lineage:
        lineage[ancestor] = None
        ancestor = parents.get(ancestor)
    return () if ancestor is not None else lineage


def _counting(innermost: str, group: Sequence[str], spans: Mapping[str, KnownSpan], offered: AbstractSet[str]) -> str:
    """The span of the group whose record counts for its call."""
    counting = [key for key in group if spans[key].counts]
    if innermost in counting or not counting:
        return innermost
    if innermost not in offered:
        return counting[0]
    figures = spans[innermost].span.figures
    alike = (key for key in counting if spans[key].span.kind == "call" and spans[key].span.figures == figures)
    return next(alike, innermost)
