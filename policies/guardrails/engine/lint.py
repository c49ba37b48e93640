"""Faults that type checks do not find, such as equality on money or a condition that is always true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from math import prod
from random import Random

from governance.documents.engine import cel
from governance.documents.engine.cel import Binding, Environment, ExpressionError, Failure, Program
from governance.documents.engine.constants import constant_faults
from governance.documents.engine.tokens import MACROS, Words
from policies.guardrails.engine.constraint_kinds import effect
from policies.guardrails.engine.context import SHARED
from policies.guardrails.engine.evaluation import CompiledPolicy
from policies.guardrails.engine.facts import CATALOGUE
from policies.guardrails.engine.plan import CompiledStep, DeclaredFact
from policies.guardrails.engine.wording import number
from policies.guardrails.errors import Finding

_SAMPLES = 1_500
_MAGNITUDES = (0.0, 1e-4, 0.01, 0.1, 0.5, 0.9, 1.0, 2.0, 10.0, 100.0, 1e3, 1e4, 1e6, 1e9)


@dataclass(frozen=True, slots=True)
class _Sample:
    values: dict[str, float]
    binding: Binding


def expression_faults(author: Environment, text: str, bound: str) -> Iterator[str]:
    """Faults of one expression: ``text`` under the author's names, ``bound`` with constants and variables put in."""
    yield from _equality_on_numbers(author, text)
    yield from constant_faults(bound)


def findings(compiled: CompiledPolicy) -> Iterator[Finding]:
    """Faults and warnings of a guardrail as a whole."""
    yield from _unused(compiled)
    samples = list(islice(_samples(compiled), _sample_count(compiled)))
    for name, (_, program) in compiled.conditions.items():
        yield from _constancy(f"spec.conditions.{name}", program, samples, is_when=False)
    for step in compiled.steps:
        path = f"spec.steps.{step.name}"
        yield from _constancy(f"{path}.when", step.when, samples, is_when=True)
        yield from _unguarded(compiled, step)
        if step.release is not None:
            yield from _constancy(f"{path}.release", step.release, samples, is_when=False)
            yield from _overlap(compiled, step, step.release, samples)
        elif not step.timing.min_hold:
            yield from _held_by_nothing(path, step)


def _held_by_nothing(path: str, step: CompiledStep) -> Iterator[Finding]:
    for verb in dict.fromkeys(effect(constraint) for constraint in step.constraints):
        message = f"{verb} without `release` or `min_hold`: it ends as soon as `when` no longer holds"
        yield Finding("warning", path, message)


def _equality_on_numbers(author: Environment, text: str) -> Iterator[str]:
    words = Words(text)
    for index, token in enumerate(words.tokens):
        if token.kind == "string" or token.text not in {"==", "!=", "in"}:
            continue
        side = words.slice(*words.comparison_sides(index)[0])
        if _is_number(author, side):
            yield f"`{token.text}` on the number `{side}`: measured numbers are never exactly equal; use >= or <="


def _is_number(author: Environment, text: str) -> bool:
    try:
        return author.kind_of(text) == "double"
    except ExpressionError:
        return False


def _unused(compiled: CompiledPolicy) -> Iterator[Finding]:
    spec = compiled.document.spec
    written = [
        *spec.variables.values(),
        *spec.conditions.values(),
        *(step.when for step in spec.steps),
        *(step.release for step in spec.steps if step.release),
    ]
    read = {name.text for text in written for name in Words(text).names}
    read |= {".".join(name.split(".")[:2]) for name in read} | {name.split(".")[0] for name in read}
    for kind, names, prefix in (
        ("facts", spec.facts, ""),
        ("params", spec.params, "params."),
        ("variables", spec.variables, ""),
    ):
        for name in names:
            if prefix + name not in read:
                yield Finding("warning", f"spec.{kind}.{name}", "is never read")


def _unguarded(compiled: CompiledPolicy, step: CompiledStep) -> Iterator[Finding]:
    for fact in compiled.facts:
        words = Words(step.when.text)
        names = {name.text for name in words.names}
        if fact.is_optional and fact.name in names and fact.name + cel.GIVEN not in names:
            message = (
                f"reads the optional `{fact.alias}` without has({fact.alias}): the state is held while it is missing"
            )
            yield Finding("warning", f"spec.steps.{step.name}.when", message)


def _constancy(path: str, program: Program, samples: list[_Sample], *, is_when: bool) -> Iterator[Finding]:
    if not Words(program.text).names:
        yield Finding("error" if is_when else "warning", path, "reads nothing that can change: it is constant")
        return
    if any(name.text.startswith("scope.") for name in Words(program.text).names):
        return
    first = program.evaluate(samples[0].binding)
    if isinstance(first, Failure) and "loops" in first.message:
        yield Finding("error", path, first.message)
        return
    outcomes = [program.evaluate(sample.binding) for sample in samples]
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    if len(failures) == len(outcomes):
        yield Finding("error", path, f"always fails: {failures[0].message}")
    elif all(outcome is True for outcome in outcomes if not isinstance(outcome, Failure)):
        yield Finding("error" if is_when else "warning", path, "is always true for values a fact can have")
    elif all(outcome is False for outcome in outcomes if not isinstance(outcome, Failure)):
        yield Finding("warning", path, "was never true for any tried value; check its limits")


def _overlap(
    compiled: CompiledPolicy, step: CompiledStep, release: Program, samples: list[_Sample]
) -> Iterator[Finding]:
    for sample in samples:
        if step.when.evaluate(sample.binding) is True and release.evaluate(sample.binding) is True:
            named = ", ".join(
                f"{fact.alias} {number(sample.values[fact.name])}"
                for fact in compiled.facts
                if fact.name in sample.values
            )
            message = (
                f"can hold at the same time as `when` (for example {named}); while both hold the step stays in force"
            )
            yield Finding("warning", f"spec.steps.{step.name}.release", message)
            return


def _samples(compiled: CompiledPolicy) -> Iterator[_Sample]:
    """A grid round every number the document names; all of it when small, else a fixed draw."""
    named = _numbers(compiled)
    grids = [_grid(fact, named) for fact in compiled.facts]
    if prod(len(grid) for grid in grids) <= _SAMPLES:
        points: Iterator[tuple[float | None, ...]] = product(*grids)
    else:
        draw = Random(0)  # noqa: S311  # the same draw every time
        points = (tuple(draw.choice(grid) for grid in grids) for _ in range(_SAMPLES))
    for point in islice(points, _SAMPLES):
        values = {fact.name: value for fact, value in zip(compiled.facts, point, strict=True) if value is not None}
        flags = {fact.name + cel.GIVEN: fact.name in values for fact in compiled.facts}
        yield _Sample(values, SHARED.bind(values | flags))


def _sample_count(compiled: CompiledPolicy) -> int:
    """Fewer where one evaluation is long: a large document or one that loops."""
    text = compiled.quiet.text + "".join(step.release.text for step in compiled.steps if step.release)
    has_loops = any(token.text in MACROS for token in Words(text).tokens)
    return max(50, _SAMPLES // (1 + len(text) // 2_000) // (20 if has_loops else 1))


def _grid(fact: DeclaredFact, named: set[float]) -> list[float | None]:
    values = {*_MAGNITUDES, *(near for limit in named for near in (limit * 0.999, limit, limit * 1.001))}
    if CATALOGUE[fact.key.fact].can_be_negative:
        values |= {-value for value in values}
    grid: list[float | None] = [
        value for value in sorted(values) if value >= 0 or CATALOGUE[fact.key.fact].can_be_negative
    ]
    return [*grid, None] if fact.is_optional else grid


def _numbers(compiled: CompiledPolicy) -> set[float]:
    programs = [program for _, program in (*compiled.variables.values(), *compiled.conditions.values())]
    programs += [step.when for step in compiled.steps]
    programs += [step.release for step in compiled.steps if step.release is not None]
    tokens = [token for program in programs for token in Words(program.text).tokens]
    numbers = sorted({float(token.text) for token in tokens if token.kind == "float"})
    return set(numbers[:40])
