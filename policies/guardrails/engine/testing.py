"""Inline tests of a guardrail: facts over time in, what should be so at which instant, sentences out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from policies.guardrails.documents import Expectation, GuardrailPolicy, InlineTest, format_duration
from policies.guardrails.engine.compilation import compile_policy
from policies.guardrails.engine.evaluation import CompiledPolicy, evaluate
from policies.guardrails.engine.series import MAX_SAMPLES, Sample, SeriesError, parse_series
from policies.guardrails.engine.types import Evaluation, FactValue, ScopeView

START = datetime(2026, 1, 1, tzinfo=UTC)
"""When every inline test begins."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """``sentences`` say what differed, in the order of the expectations; none when the test passed."""

    __test__ = False

    name: str
    passed: bool
    sentences: tuple[str, ...] = ()


def run_tests(document: GuardrailPolicy) -> tuple[TestResult, ...]:
    """Raises GuardrailError when the guardrail does not compile."""
    compiled = compile_policy(document)
    return tuple(_run(compiled, test) for test in document.spec.tests)


def _run(compiled: CompiledPolicy, test: InlineTest) -> TestResult:
    wrong = tuple(_written_wrong(test))
    if wrong:
        return TestResult(test.name, passed=False, sentences=wrong)
    scope = _scope(test)
    if not compiled.matches(scope):
        return TestResult(test.name, passed=False, sentences=(f"the guardrail does not match scope {scope.path}",))
    outcomes = _played(compiled, test, scope)
    sentences = tuple(
        sentence for expected in test.expect for sentence in _differences(compiled, expected, outcomes[expected.at])
    )
    return TestResult(test.name, passed=not sentences, sentences=sentences)


def _written_wrong(test: InlineTest) -> Iterator[str]:
    for name, written in test.series.items():
        try:
            parse_series(written)
        except SeriesError as error:
            yield f"series {name}: {error}"
    for expected in test.expect:
        if expected.at % test.every:
            yield f"at {format_duration(expected.at)}: not a multiple of every {format_duration(test.every)}"
        elif expected.at // test.every > MAX_SAMPLES:
            yield f"at {format_duration(expected.at)}: more than {MAX_SAMPLES:,} steps of {format_duration(test.every)}"


def _played(compiled: CompiledPolicy, test: InlineTest, scope: ScopeView) -> dict[timedelta, Evaluation]:
    series = {name: parse_series(written) for name, written in test.series.items()}
    keys = {fact.alias: fact.key for fact in compiled.facts}
    outcomes: dict[timedelta, Evaluation] = {}
    state = None
    for step in range(max(expected.at for expected in test.expect) // test.every + 1):
        at = START + step * test.every
        facts = {keys[name]: _fact(samples, step, at) for name, samples in series.items()}
        outcome = evaluate(compiled, scope, facts, state, at)
        state = outcome.state
        outcomes[step * test.every] = outcome
    return outcomes


def _fact(samples: tuple[Sample, ...], step: int, at: datetime) -> FactValue:
    """After its last sample a series is missing."""
    exact = samples[step] if step < len(samples) else None
    return FactValue(value=None if exact is None else float(exact), as_of=at, exact=exact)


def _scope(test: InlineTest) -> ScopeView:
    scope = test.scope
    return ScopeView(0, scope.path, scope.kind, scope.labels, scope.environment, scope.criticality, scope.practice)


def _differences(compiled: CompiledPolicy, expected: Expectation, outcome: Evaluation) -> Iterator[str]:
    at = format_duration(expected.at)
    step = outcome.step or "none"
    actions = _actions_in_force(compiled, outcome)
    if expected.state is not None and expected.state != outcome.status:
        yield f"at {at}: expected state {expected.state}, was {outcome.status}: {outcome.reason}"
    if expected.step is not None and expected.step != step:
        yield f"at {at}: expected step {expected.step}, was {step}: {outcome.reason}"
    if expected.actions is not None and sorted(expected.actions) != sorted(actions):
        yield f"at {at}: expected actions {_listed(expected.actions)}, were {_listed(actions)}: {outcome.reason}"


def _actions_in_force(compiled: CompiledPolicy, outcome: Evaluation) -> tuple[str, ...]:
    """Kinds of action the step in force has in the document, whatever the enforcement level lets through."""
    return tuple(action.kind for step in compiled.steps if step.name == outcome.step for action in step.actions)


def _listed(names: tuple[str, ...]) -> str:
    return f"[{', '.join(names)}]"
