"""The only module that uses the CEL engine (``cel-expr-python``: Google's cel-cpp).

Expressions are text over declared, typed, flat names; results are values and sentences, never an engine object.
All numbers are doubles. Surprises of the engine, and how they are handled here:

- A runtime error is a value whose ``.value()`` is a truthy string: only the values True and False count as BOOL.
- ``calls > 100`` is refused for a double ``calls``: the integer literal beside the reported operator becomes 100.0.
- ``1.0 / 0.0`` is infinity: ``guard_divisions`` makes a zero divisor an error of its own.
- More than 10,000 iterations raise RuntimeError: reported as a Failure like any other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from cel_expr_python import cel

from governance.documents.engine.tokens import Words

Kind = Literal["double", "bool", "string", "string_map"]
Value = float | bool | str

_TYPES: dict[Kind, Any] = {
    "double": cel.Type.DOUBLE,
    "bool": cel.Type.BOOL,
    "string": cel.Type.STRING,
    "string_map": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
}
_KIND_OF_TYPE: dict[str, Kind] = {"DOUBLE": "double", "BOOL": "bool", "STRING": "string"}
GIVEN = ".has"
"""Suffix of the flag that says whether an optional name has a value: what ``has(x)`` reads."""

_REPORTED = re.compile(r"^(?:[A-Z_]+: )?ERROR: <input>:(\d+):(\d+): (.*)$", re.MULTILINE)
_REPAIRABLE = re.compile(r"no matching overload for .* applied to '(?=.*\bdouble\b)(?=.*\bint\b)")
ZERO_DIVISOR = "double('division by zero')"
"""The expression that fails as a division by zero does."""
MAX_LENGTH = 20_000
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class ExpressionError(ValueError):
    """An expression that is not accepted. `line` and `column` count from 1; the message is for its author."""

    def __init__(self, message: str, *, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an expression has no value at run time; `missing` is the name without a value, if that is why."""

    message: str
    missing: str = ""


class Binding:
    """The values of one scope, prepared once for all programs of one environment; what a text is by them is kept."""

    __slots__ = ("_activation", "_known")

    def __init__(self, activation: Any) -> None:
        self._activation = activation
        self._known: dict[str, Value | Failure] = {}


class Program:
    """An expression that compiled, with the kind of its result."""

    __slots__ = ("_eval", "kind", "text")

    def __init__(self, expression: Any, *, kind: Kind, text: str) -> None:
        self._eval = expression.eval
        self.kind = kind
        self.text = text

    def is_false(self, binding: Binding) -> bool:
        """True only for the value false: a missing value or a failure is not false; `evaluate` explains it."""
        known = binding._known  # noqa: SLF001  # what is bound stays in this module
        if self.text in known:
            return known[self.text] is False
        try:
            value = self._eval(binding._activation).value()  # noqa: SLF001  # see above
        except RuntimeError:
            return False
        if value is False:
            known[self.text] = False
        return value is False

    def evaluate(self, binding: Binding) -> Value | Failure:
        """The value, or why there is none: a missing name, a division by zero, a number that is not finite."""
        known = binding._known  # noqa: SLF001  # see above
        if self.text not in known:
            known[self.text] = self._evaluated(binding)
        return known[self.text]

    def _evaluated(self, binding: Binding) -> Value | Failure:
        try:
            outcome = self._eval(binding._activation)  # noqa: SLF001  # see above
        except RuntimeError as error:
            return _failure(str(error))
        kind = _KIND_OF_TYPE.get(outcome.type().name())
        if kind != self.kind:
            return _failure(str(outcome.value()))
        value: Value = outcome.value()
        if isinstance(value, float) and not math.isfinite(value):
            return Failure("the result is not a finite number")
        return value


class Environment:
    """Declared names and their kinds; an expression with any other name does not compile."""

    def __init__(self, variables: Mapping[str, Kind]) -> None:
        self._declared = dict(variables)
        self._environment = cel.NewEnv(variables={name: _TYPES[kind] for name, kind in variables.items()})

    def repaired(self, text: str) -> str:
        """The text with integer literals written as doubles where the compiler needs it; raises ExpressionError."""
        return self._checked(text)[0]

    def kind_of(self, text: str) -> str:
        """The type of the result, as the engine names it, in lower case; raises ExpressionError."""
        return str(self._checked(text)[1].return_type().name()).lower()

    def compile(self, text: str, *, wanted: Kind | None = None) -> Program:
        """A program whose result is of the wanted kind; ExpressionError with line and column."""
        text, expression = self._checked(text)
        type_name = expression.return_type().name()
        kind = _KIND_OF_TYPE.get(type_name)
        if type_name == "INT" and wanted in {None, "double"}:
            return self.compile(f"double({text})", wanted="double")
        if kind is None or (wanted is not None and kind != wanted):
            raise ExpressionError(_wrong_kind_sentence(type_name, wanted))
        return Program(expression, kind=kind, text=text)

    def bind(self, values: Mapping[str, Any]) -> Binding:
        """Values by declared name; a name left out has no value at run time, not zero."""
        return Binding(self._environment.Activation(values))

    def _checked(self, text: str) -> tuple[str, Any]:
        if len(text) > MAX_LENGTH:
            raise ExpressionError(f"the expression is longer than {MAX_LENGTH:,} characters")
        if _UNPRINTABLE.search(text):
            raise ExpressionError("the expression holds a control character or half a character")
        if not text.strip():
            raise ExpressionError("the expression is empty")
        while True:
            try:
                return text, self._environment.compile(text)
            except (RuntimeError, ValueError, UnicodeError) as error:
                repaired = _with_doubles(text, str(error))
                if repaired == text:
                    raise _compile_error(text, str(error), self._declared) from None
                text = repaired


def guard_divisions(text: str, when_zero: Callable[[str, str], str] = lambda _dividend, _divisor: ZERO_DIVISOR) -> str:
    """The text with every divisor that can be zero guarded, so that dividing by zero is a Failure, or what
    ``when_zero`` writes for the dividend and the divisor. Both may hold divisions: those are guarded too.
    """
    divisions: dict[str, str] = {}
    mark = "__"
    while mark in text:
        mark += "_"
    while (index := _last_division(words := Words(text))) is not None:
        dividend, divisor = words.operand_before(index), words.operand_after(index)
        start = words.tokens[dividend[0]].start
        n, d = guard_divisions(words.slice(*dividend), when_zero), words.slice(*divisor)
        name = f"{mark}{len(divisions)}{mark}"
        instead = when_zero(_restored(n, divisions), _restored(d, divisions))
        between = text[words.tokens[dividend[1]].end : words.tokens[divisor[0]].start]
        divisions[name] = _guarded(f"{n}{between}", n, d, instead)
        text = text[:start] + name + text[words.tokens[divisor[1]].end :]
    return _restored(text, divisions)


def constant_fault(text: str) -> str | None:
    """Why an expression that reads no names fails; None if it does not. ExpressionError when it reads a name."""
    environment = Environment({})
    outcome = environment.compile(f"({text}) == ({text})", wanted="bool").evaluate(environment.bind({}))
    return outcome.message if isinstance(outcome, Failure) else None


def pattern_fault(text: str) -> str | None:
    """What the engine's regular expressions report about a pattern, given as a CEL string; None if nothing."""
    return constant_fault(f"''.matches({text})")


def _last_division(words: Words) -> int | None:
    signs = (index for index in reversed(range(len(words.tokens))) if words.is_sign(index, "/"))
    return next((index for index in signs if 0 < index < len(words.tokens) - 1), None)


def _restored(text: str, divisions: Mapping[str, str]) -> str:
    """The text with each division back in its place."""
    for name, division in reversed(list(divisions.items())):
        text = text.replace(name, division)
    return text


def _guarded(written: str, dividend: str, divisor: str, instead: str) -> str:
    """``written`` is the division up to its divisor."""
    try:
        is_safe = float(divisor) != 0.0
    except ValueError:
        is_safe = False
    if is_safe:
        return f"{written}{divisor}"
    if instead == ZERO_DIVISOR:
        return f"{written}(({divisor}) == 0.0 ? {instead} : ({divisor}))"
    return f"(({divisor}) == 0.0 ? {instead} : ({dividend}) / ({divisor}))"


def _with_doubles(text: str, report: str) -> str:
    """Writes integer literals beside each operator reported as `(double, int)` as doubles."""
    words = Words(text)
    literals: set[int] = set()
    for line, column, message in _faults(report):
        if _REPAIRABLE.search(message):
            literals.update(_literals_beside(words, _offset(text, line, column)))
    for index in sorted(literals, reverse=True):
        token = words.tokens[index]
        text = f"{text[: token.start]}{token.text}.0{text[token.end :]}"
    return text


def _literals_beside(words: Words, offset: int) -> Iterator[int]:
    at = next((index for index, token in enumerate(words.tokens) if token.start == offset), None)
    if at is None:
        return
    yield from _literals_from(words, at - 1)
    yield from _literals_from(words, _after_signs(words, at + 1))
    if words.is_sign(at, "?"):
        otherwise = next((index for index in range(at, len(words.tokens)) if words.is_sign(index, ":")), at)
        yield from _literals_from(words, otherwise - 1)
        yield from _literals_from(words, _after_signs(words, otherwise + 1))


def _after_signs(words: Words, index: int) -> int:
    while words.is_sign(index, "-"):
        index += 1
    return index


def _literals_from(words: Words, index: int) -> Iterator[int]:
    if not 0 <= index < len(words.tokens):
        return
    candidates = words.group(index) if index in words.partner else range(index, index + 1)
    for candidate in candidates:
        token = words.tokens[candidate]
        if token.kind == "int" and token.text.isdecimal():
            yield candidate


def _faults(report: str) -> list[tuple[int, int, str]]:
    return [(int(line), int(column), message) for line, column, message in _REPORTED.findall(report)]


def _offset(text: str, line: int, column: int) -> int:
    return sum(len(row) for row in text.splitlines(keepends=True)[: line - 1]) + column - 1


def _compile_error(text: str, report: str, declared: Mapping[str, Kind]) -> ExpressionError:
    if "recursion" in report:
        return ExpressionError("the expression is nested or chained more than 32 deep")
    faults = _faults(report)
    if not faults:
        return ExpressionError(report.split(" [", maxsplit=1)[0].split(": ", 1)[-1])
    line, column, message = faults[0]
    return ExpressionError(_compile_sentence(text, message, declared), line=line, column=column)


def _compile_sentence(text: str, message: str, declared: Mapping[str, Kind]) -> str:
    if undeclared := re.match(r"undeclared reference to '([^']*)'", message):
        name = next(
            (used.text for used in Words(text).names if used.text.split(".")[0] == undeclared[1]), undeclared[1]
        )
        known = sorted(variable for variable in declared if not variable.endswith(GIVEN))
        close = get_close_matches(name, known, n=1)
        hint = f" (did you mean `{close[0]}`?)" if close else ""
        return f"`{name}` is not declared{hint}; declared here: {', '.join(known) or 'nothing'}"
    if mismatch := re.match(r"found no matching overload for '@?_?([^'_]+)_?.*' applied to '\((.*)\)'", message):
        return f"`{mismatch[1]}` does not take ({mismatch[2]})"
    if message.startswith("Syntax error"):
        return re.sub(r"expecting \{.*", "here", message).replace("Syntax error", "syntax error")
    return message.removesuffix(" (in container '')")


def _wrong_kind_sentence(type_name: str, wanted: Kind | None) -> str:
    want = {"bool": "true or false", "double": "a number", "string": "text"}.get(wanted or "", "a number, text or bool")
    return f"the expression yields {type_name.lower()}, not {want}"


def _failure(report: str) -> Failure:
    if "Iteration budget exceeded" in report:
        return Failure("the expression loops more than 10,000 times")
    if "cannot convert string to double" in report or "divide by zero" in report:
        return Failure("division by zero")
    if missing := re.search(r'No value with name "([^"]*)"', report):
        return Failure(f"`{missing[1]}` is missing", missing=missing[1])
    return Failure(re.sub(r"^[A-Z_]+: ", "", report).removesuffix(" [INTERNAL]"))
