"""Usage of the demonstration's coding agent, task by task, and outcomes of its tasks and of the support team."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from allocation.meters.documents import MoneyMade, Tokens, UsageEvent
from allocation.outcomes.documents import OutcomeEvent
from config.demo.traffic import AGENT, DAYS, SUPPORT, WEEK
from config.demo.year import MONTHS, Year
from governance.calendar.engine import midnight

SOURCE = "demo-agent"
# Tokens: of the instructions and tools in every call, added to the input by each turn, and of each answer.
PROMPT, TURN, ANSWER = 2_400, 650, 260
TASK_HOURS = (9, 11, 14, 16)


def task_usage(at: datetime, months: int = MONTHS) -> list[UsageEvent]:
    """Each call of a task sends all earlier turns; what the previous call sent comes from the cache."""
    return [event for task, moment, turns in _tasks(Year(at, months)) for event in _calls(task, moment, turns)]


def outcomes(at: datetime, months: int = MONTHS) -> list[OutcomeEvent]:
    """Merged pull requests and resolved tickets before ``at``."""
    year = Year(at, months)
    return [*_pull_requests(year), *_tickets(year)]


def _tasks(year: Year) -> Iterator[tuple[str, datetime, int]]:
    """Name, start and number of turns of each task: few on weekends, one on a working day until two months ago, with
    more turns in later weeks.
    """
    today, at = midnight(year.at.date()), year.at
    launched = max(year.agent_launched, year.first_day)
    for age in reversed(range(max((today.date() - launched).days + 1, 2 * DAYS))):
        day = today - timedelta(days=age)
        busy = WEEK[day.weekday()] // 3
        for hour in TASK_HOURS[: busy if age < 2 * DAYS else min(busy, 1)]:
            moment = day + timedelta(hours=hour)
            turns = 3 + (day.toordinal() * 7 + hour * 5) % 9 + max(2 * DAYS - age, 0) // 20
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


def _pull_requests(year: Year) -> Iterator[OutcomeEvent]:
    """They name only their task, and are attributed to its scope."""
    for number, (task, moment, turns) in enumerate(_tasks(year)):
        if moment + timedelta(minutes=turns + 30) < year.at:
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


def _tickets(year: Year) -> Iterator[OutcomeEvent]:
    """Two records a day: solved tickets, each worth 4 dollars of a clerk's time, and tickets passed on."""
    today = midnight(year.at.date())
    for age in range(max((today.date() - year.first_day).days + 1, DAYS)):
        day = today - timedelta(days=age)
        moment = day + timedelta(hours=18)
        if moment >= year.at:
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
                value=MoneyMade(amount=Decimal(4 * quantity), currency="USD") if success else None,
            )
