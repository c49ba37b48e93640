"""What the demonstration's coding agent did, task by task, and what came of it and of the support team's work."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from allocation.meters.documents import Money, Tokens, UsageEvent
from allocation.outcomes.documents import OutcomeEvent
from config.demo.traffic import AGENT, DAYS, SUPPORT, WEEK
from governance.calendar.engine import midnight

SOURCE = "demo-agent"
# Tokens of instructions and tools that every call sends, what a turn adds, and what it answers.
PROMPT, TURN, ANSWER = 2_400, 650, 260
TASK_HOURS = (9, 11, 14, 16)


def task_usage(at: datetime) -> list[UsageEvent]:
    """A call of a task sends all that went before; the input of the call before comes from the cache."""
    return [event for task, moment, turns in _tasks(at) for event in _calls(task, moment, turns)]


def outcomes(at: datetime) -> list[OutcomeEvent]:
    return [*_pull_requests(at), *_tickets(at)]


def _tasks(at: datetime) -> Iterator[tuple[str, datetime, int]]:
    """Name, start and turns. Weekends are quiet; the agent takes more turns as the weeks go."""
    today = midnight(at.date())
    for age in reversed(range(2 * DAYS)):
        day = today - timedelta(days=age)
        for hour in TASK_HOURS[: WEEK[day.weekday()] // 3]:
            moment = day + timedelta(hours=hour)
            turns = 3 + (day.toordinal() * 7 + hour * 5) % 9 + (2 * DAYS - age) // 20
            if moment + timedelta(minutes=turns) < at:
                yield f"change-{day:%m%d}-{hour}", moment, turns


def _calls(task: str, moment: datetime, turns: int) -> Iterator[UsageEvent]:
    for turn in range(turns):
        sent = PROMPT + turn * TURN
        yield UsageEvent(
            id=f"{task}-{turn}",
            source=SOURCE,
            occurred_at=moment + timedelta(minutes=turn),
            scope=AGENT,
            provider="openai",
            model="gpt-4.1",
            tokens=Tokens(input=sent, cached_input=sent - TURN if turn else 0, output=ANSWER),
            task_id=task,
        )


def _pull_requests(at: datetime) -> Iterator[OutcomeEvent]:
    """Named by their task alone, whose scope they go to."""
    for number, (task, moment, turns) in enumerate(_tasks(at)):
        if moment + timedelta(minutes=turns + 30) < at:
            yield OutcomeEvent(
                id=task,
                source="demo-forge",
                occurred_at=moment + timedelta(minutes=turns + 30),
                name="pull_request_merged",
                task_ids=(task,),
                success=number % 4 != 1,
                quality_score=Decimal(6 + number % 5) / 10,
                safety_flags=("secret_in_diff",) if number % 29 == 7 else (),  # noqa: PLR2004  # now and then
            )


def _tickets(at: datetime) -> Iterator[OutcomeEvent]:
    """A day's tickets in two records: those solved, each worth 4 dollars of a clerk's time, and those handed on."""
    today = midnight(at.date())
    for age in range(DAYS):
        day = today - timedelta(days=age)
        moment = day + timedelta(hours=18)
        if moment >= at:
            continue
        tickets = WEEK[day.weekday()] * 11 + day.toordinal() % 7
        for success, quantity in ((True, tickets * 7 // 10), (False, tickets - tickets * 7 // 10)):
            yield OutcomeEvent(
                id=f"{day:%Y%m%d}-{success}",
                source="demo-helpdesk",
                occurred_at=moment,
                name="ticket_resolved",
                scope=SUPPORT,
                quantity=quantity,
                success=success,
                value=Money(amount=Decimal(4 * quantity), currency="USD") if success else None,
            )
