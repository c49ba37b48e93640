"""Calls as gateways report them, made from a seed: kind to a write path, or like a real gateway's."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

# (provider, model, operation, relative use); the last has no price.
MODELS = (
    ("openai", "gpt-4o", "chat", 20),
    ("openai", "gpt-4o-mini", "chat", 24),
    ("openai", "o3", "chat", 4),
    ("openai", "gpt-4.1", "chat", 8),
    ("openai", "text-embedding-3-small", "embeddings", 8),
    ("anthropic", "claude-sonnet-4-5", "chat", 14),
    ("anthropic", "claude-haiku-4-5", "chat", 8),
    ("anthropic", "claude-opus-4-1", "chat", 2),
    ("google", "gemini-2.5-flash", "generate_content", 6),
    ("google", "gemini-2.5-pro", "generate_content", 3),
    ("in-house", "reranker-2", "rerank", 3),
)
KIND_MODELS = MODELS[:3] + MODELS[5:6]
TIERS = ("standard", "batch", "flex", "priority")
TIER_USE = (80, 10, 5, 5)
ENVIRONMENTS = ("prod", "staging", "dev")
ENVIRONMENT_USE = (80, 12, 8)
ERRORS, CACHED = 0.015, 0.4
OPEN_TASKS = 64


@dataclass(frozen=True)
class Shape:
    """What real calls differ in. `hours` before now lie their instants; every `keyed`th team is found by a key."""

    teams: int = 200
    users: int = 3000
    hours: float = 24.0
    calls_per_task: int = 4
    tasks_per_session: int = 3
    keyed: int = 2


class _Task:
    """The calls of one task, still to be made."""

    def __init__(self, number: int, shape: Shape, chance: random.Random, now: datetime) -> None:
        self.team = chance.randrange(shape.teams)
        self.user = chance.randrange(shape.users)
        self.environment = chance.choices(ENVIRONMENTS, ENVIRONMENT_USE)[0]
        self.name = f"task-{number}"
        self.session = f"session-{number // shape.tasks_per_session}"
        self.at = now - timedelta(seconds=1 + chance.random() * shape.hours * 3600)
        self.left = chance.randint(1, 2 * shape.calls_per_task - 1)


def real(count: int, run: str, shape: Shape, *, seed: int, now: datetime) -> Iterator[dict[str, Any]]:
    """Calls of many teams, models and people, as they end: those of some tasks beside those of others."""
    chance = random.Random(seed)
    weights = list(accumulate(model[-1] for model in MODELS))
    begun = OPEN_TASKS
    tasks = [_Task(number, shape, chance, now) for number in range(OPEN_TASKS)]
    for number in range(count):
        place = chance.randrange(OPEN_TASKS)
        task = tasks[place]
        provider, model, operation, _ = chance.choices(MODELS, cum_weights=weights)[0]
        yield _call(f"{run}-{number}", task, (provider, model, operation), shape, chance, now)
        task.left -= 1
        if not task.left:
            tasks[place] = _Task(begun, shape, chance, now)
            begun += 1


def _call(
    name: str, task: _Task, of: tuple[str, str, str], shape: Shape, chance: random.Random, now: datetime
) -> dict[str, Any]:
    provider, model, operation = of
    task.at = min(task.at + timedelta(milliseconds=chance.randrange(200, 9_000)), now)
    finder = ("key_alias", f"key-{task.team}") if task.team % shape.keyed == 0 else ("team", f"team-{task.team}")
    given = int(chance.lognormvariate(7.2, 1.1)) + 1
    call: dict[str, Any] = {
        "id": name,
        "source": "gateway",
        "occurred_at": task.at.isoformat(),
        "attributes": {finder[0]: finder[1], "end_user": f"user-{task.user}", "tag.env": task.environment},
        "provider": provider,
        "model": model,
        "operation": operation,
        "service_tier": chance.choices(TIERS, TIER_USE)[0],
        "tokens": {"input": given},
        "task_id": task.name,
        "session_id": task.session,
        "latency_ms": int(chance.lognormvariate(6.5, 0.8)),
    }
    if operation in {"chat", "generate_content"}:
        call["tokens"]["output"] = output = int(chance.lognormvariate(5.3, 1.0)) + 1
        if chance.random() < CACHED:
            call["tokens"]["cached_input"] = int(given * chance.random())
        if model == "o3":
            call["tokens"]["reasoning"] = output // 2
    if chance.random() < ERRORS:
        call["status"] = "error"
    return call


def kind(count: int, run: str, shape: Shape, *, seed: int, now: datetime) -> Iterator[dict[str, Any]]:
    """Calls of twenty named scopes and four models within one minute, without tasks or sessions."""
    del seed
    for number in range(count):
        provider, model, operation, _ = KIND_MODELS[number % len(KIND_MODELS)]
        yield {
            "id": f"{run}-{number}",
            "source": "bench",
            "occurred_at": (now - timedelta(milliseconds=number % 60_000)).isoformat(),
            "scope": f"bench/team-{number % min(20, shape.teams)}",
            "attributes": {"team": f"team-{number % 40}", "tag.env": "prod"},
            "provider": provider,
            "model": model,
            "operation": operation,
            "tokens": {"input": 1000 + number % 7000, "cached_input": number % 900, "output": 50 + number % 800},
            "latency_ms": 200 + number % 3000,
        }


def lines(calls: Iterator[dict[str, Any]], size: int) -> Iterator[tuple[int, bytes]]:
    """The calls as bodies of `size` lines of JSON, with the number of calls in each."""
    batch: list[str] = []
    for call in calls:
        batch.append(json.dumps(call))
        if len(batch) == size:
            yield size, "\n".join(batch).encode()
            batch = []
    if batch:
        yield len(batch), "\n".join(batch).encode()
