"""Usage of the demonstration organisation: deterministic for an instant, with the pattern of working weeks."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate, pairwise

from allocation.meters.documents import UsageEvent
from config.demo.year import FROM_ITS_LAUNCH, GROWING, MONTHS, SINCE_IT_IS_CHEAPER, SINCE_IT_IS_RESERVED, SPIKE, Year
from governance.calendar.engine import first_of_month, midnight

DAYS = 30
# Relative load of Monday to Sunday, and of the hours in which a gateway reports.
WEEK = (10, 11, 12, 11, 9, 3, 2)
HOURS = {7: 2, 10: 5, 13: 5, 16: 4, 20: 1}
WEIGHT_OF_A_MONTH = sum(WEEK) * sum(HOURS.values()) * DAYS // len(WEEK)


@dataclass(frozen=True, slots=True)
class CallTokens:
    """Tokens of one call."""

    input: int
    cached_input: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class Traffic:
    """Calls a month to one model. With ``in_full`` all of them happen in the month so far, so that a demonstration
    started on the 1st has a budget that is used up as well.
    """

    scope: str
    provider: str
    model: str
    calls: int
    tokens: CallTokens
    in_full: bool = False
    attributes: dict[str, str] = field(default_factory=dict)
    operation: str = "chat"
    status: str = "success"
    gpu_seconds: int = 0
    levels: tuple[int, ...] = GROWING


SEARCH, RANKER, SUPPORT = "demo/search", "demo/search/ranker", "demo/support"
ENGINEERING, AGENT, RESEARCH = "demo/engineering", "demo/engineering/coding-agent", "demo/research"
COMPLETION, CACHED, LOOPING = "code-completion", "claude-haiku-4-5", "gemini-2.5-flash"
# At the catalogue's prices search costs 645 of 600 dollars, support 665 of 800.
TRAFFIC = (
    Traffic(SEARCH, "openai", "gpt-4o", 42_000, CallTokens(3_000, output=500), in_full=True),
    Traffic(SEARCH, "openai", "gpt-4o", 300, CallTokens(0), status="error"),
    Traffic(RANKER, "openai", "gpt-4o-mini", 120_000, CallTokens(6_000, output=100), in_full=True),
    Traffic(RANKER, "openai", "text-embedding-3-small", 300_000, CallTokens(800), in_full=True, operation="embeddings"),
    Traffic(RANKER, "in-house", "reranker", 90_000, CallTokens(2_000), operation="rerank"),
    Traffic(SUPPORT, "openai", "gpt-4o", 50_000, CallTokens(4_000, cached_input=2_500, output=400), in_full=True),
    Traffic(SUPPORT, "anthropic", "claude-haiku-4-5", 22_000, CallTokens(3_000, output=500), in_full=True),
    Traffic(ENGINEERING, "in-house", COMPLETION, 400_000, CallTokens(1_500, output=60), levels=SINCE_IT_IS_CHEAPER),
    Traffic(
        AGENT,
        "openai",
        "gpt-4.1",
        12_000,
        CallTokens(60_000, cached_input=48_000, output=1_500),
        levels=FROM_ITS_LAUNCH,
    ),
    Traffic(
        AGENT,
        "anthropic",
        "claude-haiku-4-5",
        16_000,
        CallTokens(40_000, cached_input=32_000, output=1_000),
        levels=FROM_ITS_LAUNCH,
    ),
    Traffic(RESEARCH, "google", LOOPING, 20_000, CallTokens(10_000, output=1_000)),
    Traffic(
        RESEARCH,
        "in-house",
        "trainer",
        100,
        CallTokens(0),
        operation="fine_tuning",
        gpu_seconds=7_200,
        levels=SINCE_IT_IS_RESERVED,
    ),
    Traffic(RESEARCH, "openai", "gpt-4.1", 5_000, CallTokens(3_000, output=800)),
    Traffic("demo/finops-assistant", "openai", "gpt-4.1-mini", 9_000, CallTokens(8_000, output=600)),
    Traffic("", "openai", "gpt-4o-mini", 60_000, CallTokens(2_000, output=300), attributes={"team": "growth"}),
)


def usage(at: datetime, months: int = MONTHS) -> list[UsageEvent]:
    """Usage of so many months: of the last 30 days, or of the month so far if that is longer, several times a day,
    before that once a day; and two records that go into quarantine.
    """
    year = Year(at, months)
    accepted = [event for number, line in enumerate(TRAFFIC) for event in _events(line, number, year)]
    unknown = Traffic("demo/legal", "openai", "gpt-4o-mini", 0, CallTokens(2_000, output=300))
    moment = at - timedelta(minutes=1)
    return accepted + [_event(unknown, f"legal-{calls}", moment, calls, unknown.tokens) for calls in (40, 65)]


def _events(line: Traffic, number: int, year: Year) -> Iterator[UsageEvent]:
    for moment, calls in {**_earlier(line, year), **_lately(line, year)}.items():
        tokens, day = line.tokens, moment.date()
        if (line.scope, line.model) == (AGENT, CACHED) and year.is_cache_broken(day):
            tokens = replace(tokens, cached_input=0)
        made = calls * SPIKE if line.model == LOOPING and year.is_spike(day) else calls
        if made:
            yield _event(line, f"{number}-{moment:%Y%m%d%H}", moment, made, tokens)


def _first_of_lately(at: datetime) -> datetime:
    return min(midnight(first_of_month(at)), midnight(at.date()) - timedelta(days=DAYS - 1))


def _earlier(line: Traffic, year: Year) -> dict[datetime, int]:
    """Calls at noon of each day."""
    calls = {}
    for day in year.days(_first_of_lately(year.at).date()):
        weight = sum(HOURS.values()) * (WEEK[day.weekday()] + day.toordinal() * 37 % 3)
        level = year.percent(line.levels, day)
        calls[midnight(day) + timedelta(hours=12)] = line.calls * weight * level // WEIGHT_OF_A_MONTH // 100
    return calls


def _lately(line: Traffic, year: Year) -> dict[datetime, int]:
    at = year.at
    month = midnight(first_of_month(at))
    slots = _slots(_first_of_lately(at), at)
    this_month = {moment: weight for moment, weight in slots.items() if moment >= month}
    before = {moment: weight for moment, weight in slots.items() if moment < month}
    if line.in_full:
        shares = _spread(_usual(line, before), before) | _spread(
            line.calls, this_month or {month + (at - month) / 2: 1}
        )
    else:
        shares = _spread(_usual(line, slots), slots)
    return shares


def _slots(start: datetime, at: datetime) -> dict[datetime, int]:
    """The instants at which usage is reported, with their weights."""
    days = [start + timedelta(days=number) for number in range((at - start).days + 1)]
    return {
        moment: busy * (WEEK[day.weekday()] + day.toordinal() * 37 % 3)
        for day in days
        for hour, busy in HOURS.items()
        if (moment := day + timedelta(hours=hour)) < at
    }


def _usual(line: Traffic, slots: dict[datetime, int]) -> int:
    return line.calls * sum(slots.values()) // WEIGHT_OF_A_MONTH


def _spread(calls: int, slots: dict[datetime, int]) -> dict[datetime, int]:
    """Whole calls in proportion to the weights; they sum to ``calls``."""
    weights: Sequence[int] = list(accumulate(slots.values(), initial=0))
    whole = max(weights[-1], 1)
    return {
        moment: calls * until // whole - calls * since // whole
        for moment, (since, until) in zip(slots, pairwise(weights), strict=True)
    }


def _event(line: Traffic, name: str, moment: datetime, calls: int, tokens: CallTokens) -> UsageEvent:
    place: dict[str, object] = {"scope": line.scope} if line.scope else {}
    if line.gpu_seconds:
        place["gpu_seconds"] = Decimal(line.gpu_seconds * calls)
    return UsageEvent.model_validate(
        {
            "id": name,
            "source": "demo-gateway",
            "occurred_at": moment,
            "provider": line.provider,
            "model": line.model,
            "operation": line.operation,
            "status": line.status,
            "requests": calls,
            "tokens": {kind: count * calls for kind, count in asdict(tokens).items()},
            "attributes": line.attributes,
            **place,
        }
    )
