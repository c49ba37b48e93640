"""Pure evaluation of 100 guardrails on 1,000 scopes: all idle, all firing, and all without facts.

python bench/engine.py [--guardrails 100] [--scopes 1000]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from governance.documents import load_documents
from policies.guardrails.documents import GuardrailPolicy, parse_guardrail
from policies.guardrails.engine.compilation import compile_policy
from policies.guardrails.engine.context import ScopeContext
from policies.guardrails.engine.evaluation import CompiledPolicy
from policies.guardrails.engine.facts import every_key
from policies.guardrails.engine.types import IDLE, FactKey, FactValue, GuardrailState, ScopeView

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROOT = Path(__file__).parent.parent
QUIET = {"budget.amount": 1e6, "budget.daily_share": 3e4, "budget.remaining": 9e5, "data.age": 5.0}


def documents() -> list[GuardrailPolicy]:
    files = sorted((ROOT / "guardrails").glob("*.yaml"))
    return [parse_guardrail(read) for file in files for read in load_documents(file.read_text(), source=file.name)]


def measured(title: str, count: int, work: Callable[[], object]) -> None:
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    print(f"{title:<58}{count:>9,} in {seconds:6.3f} s  {seconds / count * 1e6:8.2f} µs each")


def facts_of(values: dict[str, float], keys: frozenset[FactKey], *, missing: bool = False) -> dict[FactKey, FactValue]:
    return {
        key: FactValue(
            value=None if missing else values.get(key.fact, 10.0 if key.window != "7d" else 1000.0), as_of=AT
        )
        for key in keys
    }


def evaluate(
    compiled: list[CompiledPolicy],
    scopes: list[ScopeView],
    facts: dict[FactKey, FactValue],
    states: dict[tuple[int, int], GuardrailState | None],
) -> int:
    idle = 0
    for scope in scopes:
        context = ScopeContext(scope, facts, AT)
        for index, policy in enumerate(compiled):
            outcome = policy.evaluate(context, states.get((scope.id, index)))
            if outcome is IDLE:
                idle += 1
            else:
                states[scope.id, index] = outcome.state
    return idle


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--guardrails", type=int, default=100)
    arguments.add_argument("--scopes", type=int, default=1000)
    given = arguments.parse_args()
    examples = documents()
    chosen = [examples[index % len(examples)] for index in range(given.guardrails)]
    measured("compile with lint", len(chosen), lambda: [compile_policy(policy) for policy in chosen])
    compiled: list[CompiledPolicy] = []
    measured(
        "compile", len(chosen), lambda: compiled.extend(compile_policy(policy, with_lint=False) for policy in chosen)
    )
    scopes = [ScopeView(number, f"acme/team-{number}") for number in range(given.scopes)]
    keys = frozenset[FactKey]().union(*(policy.fact_keys for policy in compiled))
    count = len(scopes) * len(compiled)
    quiet = facts_of(QUIET, keys)
    measured("match every scope", count, lambda: [policy.matches(scope) for scope in scopes for policy in compiled])
    measured(
        "prepare a context with the facts read",
        len(scopes),
        lambda: [ScopeContext(scope, quiet, AT) for scope in scopes],
    )
    every = facts_of(QUIET, frozenset(every_key()))
    measured(
        "prepare a context with all facts",
        len(scopes),
        lambda: [ScopeContext(scope, every, AT) for scope in scopes],
    )
    measured("evaluate, all idle (contexts included)", count, lambda: evaluate(compiled, scopes, quiet, {}))
    some = scopes[: max(1, len(scopes) // 20)]
    few = len(some) * len(compiled)
    loud = facts_of(
        {**QUIET, "cost": 1e6, "budget.used": 2e6, "tokens": 1e7, "requests": 1e6, "unpriced_requests": 1e5}, keys
    )
    states: dict[tuple[int, int], GuardrailState | None] = {}
    measured("evaluate, all steps start", few, lambda: evaluate(compiled, some, loud, states))
    measured("evaluate, all steps continue", few, lambda: evaluate(compiled, some, loud, states))
    no_facts = facts_of({}, keys, missing=True)
    measured("evaluate, facts missing, no state", few, lambda: evaluate(compiled, some, no_facts, {}))


if __name__ == "__main__":
    main()
