"""From document to CompiledPolicy: facts resolved, expressions typed under the author's names, then bound.

Parameters are constants and variables are inlined, so that evaluating any expression needs only the scope's facts. Each
author's text is checked first under the author's own names: faults point at what was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from textwrap import shorten

from governance.documents.engine import cel
from governance.documents.engine.cel import ExpressionError, Kind, Program, Value
from governance.documents.engine.tokens import Words
from policies.guardrails.documents import (
    ConstraintEntry,
    FactRead,
    GuardrailPolicy,
    GuardrailSpec,
    NotifyEntry,
    Param,
    Step,
)
from policies.guardrails.engine import ladder, lint
from policies.guardrails.engine.constraint_kinds import constraint_of
from policies.guardrails.engine.context import CANONICAL, SCOPE_NAMES, SHARED
from policies.guardrails.engine.divisions import guarded
from policies.guardrails.engine.evaluation import CompiledPolicy
from policies.guardrails.engine.facts import FactError, fact_key, unit_of
from policies.guardrails.engine.plan import Comparison, CompiledStep, DeclaredFact
from policies.guardrails.engine.types import Action, Notify
from policies.guardrails.errors import Finding, GuardrailError

__all__ = ["CompiledPolicy", "compile_policy"]

_ORDERINGS = ("<", "<=", ">", ">=")


def compile_policy(document: GuardrailPolicy, *, with_lint: bool = True) -> CompiledPolicy:
    """Raises GuardrailError with every fault found; warnings are in ``findings``.

    Without lint only types and names are checked: enough for a document that was accepted before.
    """
    builder = _Builder(document)
    compiled = builder.built()
    findings = [*builder.findings, *(lint.findings(compiled) if with_lint and compiled else ())]
    if compiled is None or any(finding.severity == "error" for finding in findings):
        raise GuardrailError(document.metadata.name, findings)
    return replace(compiled, findings=tuple(findings))


@dataclass(slots=True)
class _Builder:
    document: GuardrailPolicy
    findings: list[Finding] = field(default_factory=list)
    declared: dict[str, Kind] = field(default_factory=lambda: dict(SCOPE_NAMES))
    bound: dict[str, str] = field(default_factory=dict)
    """The author's name to its text in the shared environment."""
    author: cel.Environment = field(init=False)
    written: dict[str, str] = field(default_factory=dict)
    """Variables as repaired, by name: for units."""
    keys: dict[str, DeclaredFact] = field(default_factory=dict)

    @property
    def spec(self) -> GuardrailSpec:
        return self.document.spec

    def built(self) -> CompiledPolicy | None:
        self._declare_facts()
        params = self._declare_params()
        variables = self._variables()
        self.author = cel.Environment(self.declared)
        conditions = {
            name: program
            for name, text in self.spec.conditions.items()
            if (program := self._program(f"spec.conditions.{name}", text, "bool")) is not None
        }
        steps = [step for written in self.spec.steps if (step := self._step(written)) is not None]
        if any(finding.severity == "error" for finding in self.findings):
            return None
        facts = tuple(self.keys.values())
        return CompiledPolicy(
            document=self.document,
            facts=facts,
            params=params,
            variables=variables,
            conditions=conditions,
            steps=tuple(steps),
            quiet=_quiet([program for _, program in conditions.values()], steps),
            required=frozenset(fact.name for fact in facts if not fact.is_optional),
            max_ages=tuple((fact.name, fact.max_age.total_seconds()) for fact in facts if fact.max_age),
            fact_keys=frozenset(fact.key for fact in facts),
        )

    def _declare_facts(self) -> None:
        for alias, read in self.spec.facts.items():
            try:
                fact = _declared(alias, read)
            except FactError as error:
                self._refuse(f"spec.facts.{alias}", str(error))
                self.declared[alias] = "double"
                continue
            twin = next((known.alias for known in self.keys.values() if known.key == fact.key), None)
            if twin:
                self._refuse(f"spec.facts.{alias}", f"is the same fact as `{twin}` ({fact.key}); keep one")
            self.keys[alias] = fact
            self.declared[alias] = "double"
            self.bound[alias] = fact.name
            if fact.is_optional:
                self.declared[alias + cel.GIVEN] = "bool"
                self.bound[alias + cel.GIVEN] = fact.name + cel.GIVEN

    def _declare_params(self) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for name, param in self.spec.params.items():
            values[name], kind = _param_value(param)
            self.declared[f"params.{name}"] = kind
            self.bound[f"params.{name}"] = _literal(values[name])
        return values

    def _variables(self) -> dict[str, tuple[Words, Program]]:
        """In the order they read each other, whatever order they stand in."""
        waiting = dict(self.spec.variables)
        compiled: dict[str, tuple[Words, Program]] = {}
        while waiting:
            ready = [name for name, text in waiting.items() if not _reads(text, waiting)]
            if not ready:
                for name in waiting:
                    self._refuse(f"spec.variables.{name}", "reads itself, directly or through another variable")
                break
            for name in ready:
                self._add_variable(name, waiting.pop(name), compiled)
        return compiled

    def _add_variable(self, name: str, text: str, variables: dict[str, tuple[Words, Program]]) -> None:
        self.author = cel.Environment(self.declared)
        compiled = self._program(f"spec.variables.{name}", text, None)
        self.declared[name] = compiled[1].kind if compiled else "double"
        self.written[name] = text
        if compiled:
            # Without its guards, which are written once, where the variable is read.
            plain = self._bound(self.author.compile(self._with_flags(text)).text)
            self.bound[name] = f"({SHARED.compile(plain).text})"
            variables[name] = compiled

    def _step(self, step: Step) -> CompiledStep | None:
        path = f"spec.steps.{step.name}"
        when = self._program(f"{path}.when", step.when, "bool")
        release = self._program(f"{path}.release", step.release, "bool") if step.release else None
        if when is None:
            return None
        return CompiledStep(
            name=step.name,
            severity=step.severity or self.spec.severity,
            words=when[0],
            when=when[1],
            release_words=release[0] if release else None,
            release=release[1] if release else None,
            timing=ladder.Timing(step.for_, step.keep_firing_for, step.min_hold),
            actions=tuple(_action(entry) for entry in step.actions),
            comparison=self._comparison(step.when),
        )

    def _program(self, path: str, text: str, wanted: Kind | None) -> tuple[Words, Program] | None:
        """The author's words and the program in the shared environment; None after refusing it.

        An expression that reads a refused name is passed over: each mistake is reported once.
        """
        refused = self.declared.keys() - self.bound.keys() - SCOPE_NAMES.keys()
        if any(name.text in refused for name in Words(text).names):
            return None
        try:
            repaired = self._checked(path, text, wanted)
            program = _compiled(guarded(self._bound(repaired)), wanted)
        except ExpressionError as error:
            self._refuse(path, _placed(text, error))
            return None
        return Words(text), program

    def _checked(self, path: str, text: str, wanted: Kind | None) -> str:
        rewritten = self._with_flags(text)
        shadowed = Words(rewritten).bound_names() & self.declared.keys()
        if shadowed:
            raise ExpressionError(f"`{min(shadowed)}` is already the name of a fact or variable; choose another here")
        program = self.author.compile(rewritten, wanted=wanted)
        for message in lint.expression_faults(self.author, program.text, self._bound(program.text)):
            self._refuse(path, message)
        return program.text

    def _with_flags(self, text: str) -> str:
        """``has(x)`` of an optional fact as the flag ``x.has``, at the same length so that places stay true."""
        words = Words(text)
        for name in reversed(words.names):
            if name.text != "has" or not name.is_call:
                continue
            opening = name.last + 1
            alias = words.slice(opening + 1, words.partner.get(opening, opening) - 1)
            if alias not in self.spec.facts:
                continue
            if not self.spec.facts[alias].optional:
                raise ExpressionError(f"`{alias}` is not optional: has({alias}) says nothing; add `optional: true`")
            start, end = words.tokens[name.first].start, words.tokens[words.partner[opening]].end
            text = text[:start] + (alias + cel.GIVEN).ljust(end - start) + text[end:]
        return text

    def _bound(self, text: str) -> str:
        """The author's names replaced by shared names, constants and variables' own text."""
        words = Words(text)
        written = ""
        at = 0
        for name in words.names:
            parts = name.text.split(".")
            for count in range(len(parts), 0, -1):
                replacement = self.bound.get(".".join(parts[:count]))
                if replacement is not None:
                    last = words.tokens[name.first + 2 * (count - 1)]
                    written += text[at : words.tokens[name.first].start] + replacement
                    at = last.end
                    break
            if len(written) > cel.MAX_LENGTH:
                break
        written += text[at:]
        if len(written) > cel.MAX_LENGTH:
            raise ExpressionError(f"with its variables put in it is longer than {cel.MAX_LENGTH:,} characters")
        return _without_comments(written)

    def _comparison(self, text: str) -> Comparison | None:
        """The first ordering of numbers in a plain conjunction; the side that reads facts is what is observed."""
        words = Words(text)
        if words.top_level("||", "?"):
            return None
        for index in words.top_level(*_ORDERINGS):
            left, right = (words.slice(*span) for span in words.comparison_sides(index))
            if not self._reads_facts(left):
                left, right = right, left
            sides = [self._number(left), self._number(right)]
            if self._reads_facts(left) and sides[0] and sides[1]:
                return Comparison(sides[0], sides[1], self._unit(left))
        return None

    def _number(self, text: str) -> Program | None:
        try:
            repaired = self.author.compile(self._with_flags(text), wanted="double").text
            return SHARED.compile(guarded(self._bound(repaired)), wanted="double")
        except ExpressionError:
            return None

    def _reads_facts(self, text: str) -> bool:
        return any(name.text in self.keys or name.text in self.written for name in Words(text).names)

    def _unit(self, text: str) -> str:
        text = text.strip()
        if text in self.keys:
            return unit_of(self.keys[text].key)
        if text in self.written:
            return self._unit(self.written[text])
        return "ratio" if "/" in text else ""

    def _refuse(self, path: str, message: str) -> None:
        self.findings.append(Finding("error", path, message))


def _declared(alias: str, read: FactRead) -> DeclaredFact:
    key = fact_key(read.fact, read.window, read.unit)
    return DeclaredFact(alias, key, CANONICAL[key], read.max_age, read.optional)


def _quiet(conditions: list[Program], steps: list[CompiledStep]) -> Program:
    any_step = " || ".join(f"({step.when.text})" for step in steps)
    text = " && ".join([*(f"({condition.text})" for condition in conditions), f"({any_step})"])
    try:
        return SHARED.compile(text, wanted="bool")
    except ExpressionError:  # too long or too deep together: no short cut, every evaluation goes the long way
        return SHARED.compile("true", wanted="bool")


def _compiled(bound: str, wanted: Kind | None) -> Program:
    """What compiled under the author's names can fail here only for its size, or for a divisor that is a count."""
    try:
        return SHARED.compile(bound, wanted=wanted)
    except ExpressionError as error:
        if "(int, double)" not in error.message:
            raise
        raise ExpressionError("a divisor must be a number, not a count; write double(…) around both sides") from None


def _reads(text: str, names: Mapping[str, object]) -> bool:
    return any(name.text.split(".")[0] in names for name in Words(text).names)


def _param_value(param: Param) -> tuple[Value, Kind]:
    match param.default:
        case bool() as flag:
            return flag, "bool"
        case str() as text:
            return text, "string"
        case timedelta() as length:
            return length.total_seconds(), "double"
        case int() | float() as number:
            return float(number), "double"


def _literal(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case int() | float():
            return repr(value) if value >= 0 else f"({value!r})"


def _action(entry: NotifyEntry | ConstraintEntry) -> Action:
    if isinstance(entry, NotifyEntry):
        return Notify(to=entry.notify.to, repeat_every=entry.notify.repeat_every)
    return constraint_of(entry)


def _without_comments(text: str) -> str:
    """One space between words that were apart, so that the text can be put in brackets."""
    return " ".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    joined = ""
    end = 0
    for token in Words(text).tokens:
        if joined and token.start > end:
            yield joined
            joined = ""
        joined += token.text
        end = token.end
    yield joined


def _placed(text: str, error: ExpressionError) -> str:
    excerpt = shorten(text, 120, placeholder=" …") or text[:120]
    return f"{error.message} (in `{excerpt}`, line {error.line} column {error.column})"
