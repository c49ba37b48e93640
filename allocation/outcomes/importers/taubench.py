"""Recorded runs of tau-bench as usage and outcomes: what an agent's tokens come to, turn by turn.

The file holds messages and neither tokens nor times. A message counts as its characters / 4, rounded up, which is an
estimate. Every assistant turn is one call: its input is the whole conversation before it, of which the input of the
call before comes from the prefix cache; its output is the message. A run begins an hour after the one before, and a
turn ten seconds after the one before: those times are made up. No text leaves this module.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from allocation.meters.documents import Tokens, UsageEvent
from allocation.outcomes.documents import OutcomeEvent
from governance.errors import Invalid

CHARACTERS_PER_TOKEN = 4
RUN_EVERY = timedelta(hours=1)
TURN_EVERY = timedelta(seconds=10)
OUTCOME_NAME = "task_solved"
SOURCE = "tau-bench"


@dataclass(frozen=True, slots=True)
class BenchOrder:
    """Where the runs go: `benchmark` names them, `start` is when the first of them is said to have begun."""

    scope: str
    benchmark: str
    start: datetime
    provider: str
    model: str


@dataclass(slots=True)
class BenchRuns:
    usage: list[UsageEvent] = field(default_factory=list)
    outcomes: list[OutcomeEvent] = field(default_factory=list)


def read_runs(path: Path, order: BenchOrder) -> BenchRuns:
    try:
        runs = json.loads(path.read_bytes())
        if not isinstance(runs, list):
            raise TypeError  # noqa: TRY301  # said in one place, below
        found = BenchRuns()
        for number, run in enumerate(runs):
            _take(found, run, order, order.start + RUN_EVERY * number)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Invalid(
            f"{path.name} is no file of tau-bench runs: each has task_id, trial, reward and traj, a list of messages.",
            code="file_unreadable",
        ) from problem
    return found


def _take(found: BenchRuns, run: Mapping[str, Any], order: BenchOrder, start: datetime) -> None:
    task = f"{order.benchmark}/{run['task_id']}/{run['trial']}"
    conversation = cached = turns = 0
    at = start
    for message in run["traj"]:
        tokens = tokens_of(message)
        if message["role"] == "assistant":
            at = start + TURN_EVERY * turns
            found.usage.append(
                UsageEvent(
                    id=f"{task}/{turns}",
                    source=SOURCE,
                    occurred_at=at,
                    scope=order.scope,
                    provider=order.provider,
                    model=order.model,
                    tokens=Tokens(input=conversation, cached_input=cached, output=tokens),
                    task_id=task,
                )
            )
            cached = conversation
            turns += 1
        conversation += tokens
    found.outcomes.append(
        OutcomeEvent(
            id=task,
            source=SOURCE,
            occurred_at=at + TURN_EVERY,
            name=OUTCOME_NAME,
            scope=order.scope,
            task_ids=(task,),
            success=float(run["reward"]) == 1,
        )
    )


def tokens_of(message: Mapping[str, Any]) -> int:
    """An estimate, from the characters of what was said and of the names and arguments of the tools called."""
    characters = len(message.get("content") or "")
    for call in message.get("tool_calls") or ():
        characters += len(call["function"]["name"]) + len(call["function"]["arguments"])
    return -(-characters // CHARACTERS_PER_TOKEN)
