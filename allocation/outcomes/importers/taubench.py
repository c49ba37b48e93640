"""Recorded runs of tau-bench as usage and outcomes: what an agent's tokens cost, turn by turn.

The file holds messages, but neither tokens nor times. Tokens are estimated as characters / 4 per message, rounded up.
Every assistant turn is one call: its input is the conversation so far, of which the previous call's input is read from
the prefix cache; its output is the message. Times are invented: runs begin an hour apart and turns ten seconds apart.
No text leaves this module.
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
RUN_INTERVAL = timedelta(hours=1)
TURN_INTERVAL = timedelta(seconds=10)
OUTCOME_NAME = "task_solved"
SOURCE = "tau-bench"


@dataclass(frozen=True, slots=True)
class BenchmarkImport:
    """What to import: `benchmark` names the runs, `start` is when the first of them is taken to have begun."""

    scope: str
    benchmark: str
    start: datetime
    provider: str
    model: str


@dataclass(slots=True)
class BenchmarkRecords:
    """The usage and the outcomes of all runs."""

    usage: list[UsageEvent] = field(default_factory=list)
    outcomes: list[OutcomeEvent] = field(default_factory=list)


def read_runs(path: Path, request: BenchmarkImport) -> BenchmarkRecords:
    """The file's runs as records. Raises Invalid (`file_unreadable`) when it is not a file of tau-bench runs."""
    try:
        runs = json.loads(path.read_bytes())
        if not isinstance(runs, list):
            raise TypeError  # noqa: TRY301  # explained once, below
        records = BenchmarkRecords()
        for number, run in enumerate(runs):
            _add_run(records, run, request, request.start + RUN_INTERVAL * number)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Invalid(
            f"{path.name} is not a file of tau-bench runs; a run has task_id, trial, reward and traj, its messages.",
            code="file_unreadable",
        ) from problem
    return records


def _add_run(records: BenchmarkRecords, run: Mapping[str, Any], request: BenchmarkImport, start: datetime) -> None:
    task = f"{request.benchmark}/{run['task_id']}/{run['trial']}"
    conversation = cached = turns = 0
    at = start
    for message in run["traj"]:
        tokens = tokens_of(message)
        if message["role"] == "assistant":
            at = start + TURN_INTERVAL * turns
            records.usage.append(
                UsageEvent(
                    id=f"{task}/{turns}",
                    source=SOURCE,
                    occurred_at=at,
                    scope=request.scope,
                    provider=request.provider,
                    model=request.model,
                    tokens=Tokens(input=conversation, cached_input=cached, output=tokens),
                    task_id=task,
                )
            )
            cached = conversation
            turns += 1
        conversation += tokens
    records.outcomes.append(
        OutcomeEvent(
            id=task,
            source=SOURCE,
            occurred_at=at + TURN_INTERVAL,
            name=OUTCOME_NAME,
            scope=request.scope,
            task_ids=(task,),
            success=float(run["reward"]) == 1,
        )
    )


def tokens_of(message: Mapping[str, Any]) -> int:
    """Estimated from the characters of the text and of the names and arguments of the tools called."""
    characters = len(message.get("content") or "")
    for call in message.get("tool_calls") or ():
        characters += len(call["function"]["name"]) + len(call["function"]["arguments"])
    return -(-characters // CHARACTERS_PER_TOKEN)
