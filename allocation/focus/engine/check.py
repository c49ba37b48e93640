"""Checks a FOCUS file against the rules of FOCUS."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise

from allocation.focus.engine.cells import Cells
from allocation.focus.engine.columns import BY_NAME, CUSTOM, DRAFT, Column, Kind, Level, Version, columns_of, known_name
from allocation.focus.engine.formats import NULL_WORDS, any_json, key_value, strict_number, strict_time, unit_of
from allocation.focus.engine.rules import RULES, Rule
from allocation.focus.engine.values import ALLOWED

NAME_LENGTH_MAX = 50
PASCAL = re.compile(r"[A-Z][A-Za-z0-9]*")
UNIT_COLUMNS = ("CommitmentDiscountUnit", "ConsumedUnit", "PricingUnit")
# As the specification: a broken "must" is an error, a broken "should" a warning.
MUST, SHOULD = "must", "should"
_TIMES = ["Year", "Month", "Day", "Hour", "Minute", "Second"]
_COUNTS = ["Unit", "Request", "Token", "Connection", "Certificate", "Domain", "Core"]
_SINGULAR = frozenset(_TIMES + _COUNTS)
CellRule = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule. `row` counts from 1; None for a fault of the file's columns. `sentence` repeats no value of the
    file.
    """

    row: int | None
    column: str
    rule: str
    sentence: str
    level: str = MUST


def check(
    version: Version, rows: Iterable[Mapping[str, str | None]], columns: Sequence[str] | None = None
) -> Iterator[Violation]:
    """Violations, found lazily in the order of rows. `columns` are the file's, in its order; without them, the first
    row's keys.
    """
    lines = iter(rows)
    if columns is None:
        first = next(lines, None)
        columns = () if first is None else tuple(first)
        lines = iter(()) if first is None else chain((first,), lines)
    yield from _column_violations(version, columns)
    cell_rules, row_rules = _rules_of(version, tuple(columns))
    for number, row in enumerate(lines, 1):
        for name, rules in cell_rules:
            cell = row.get(name)
            for rule in rules:
                if (fault := rule(cell)) is not None:
                    yield Violation(number, name, f"{name}.{fault[0]}", fault[1], fault[2])
        cells = Cells(row)
        for row_rule in row_rules:
            sentence = row_rule.violation(cells)
            if sentence is not None:
                yield Violation(number, row_rule.column, row_rule.id, sentence)


def _column_violations(version: Version, columns: Sequence[str]) -> Iterator[Violation]:
    version_columns = columns_of(version)
    present = set(columns)
    for column in version_columns.values():
        if column.name not in present and (level := column.level_in(version)) is not Level.CONDITIONAL:
            strict = MUST if level is Level.MANDATORY else SHOULD
            sentence = f"FOCUS {version} has a {level.value} column {column.name}; it is missing."
            yield Violation(None, column.name, f"{column.name}.present", sentence, strict)
    for name in sorted({name for name in columns if list(columns).count(name) > 1}):
        yield Violation(None, name, "columns.once", f"The column {name} appears more than once.")
    for name in columns:
        yield from _name_violations(version, name, version_columns)
    yield from _order_violations(columns)


def _name_violations(version: Version, name: str, version_columns: Mapping[str, Column]) -> Iterator[Violation]:
    if name in version_columns:
        return
    if name.startswith(CUSTOM):
        if not PASCAL.fullmatch(name.removeprefix(CUSTOM)):
            yield Violation(
                None, name, "columns.pascal_case", "The name of a custom column is PascalCase after x_.", SHOULD
            )
        if len(name) > NAME_LENGTH_MAX:
            yield Violation(None, name, "columns.length", "The name of a column has at most 50 characters.", SHOULD)
    elif name in BY_NAME or name in DRAFT:
        yield Violation(None, name, "columns.version", f"FOCUS {version} does not have the column {name}.")
    elif (spelling := known_name(name)) is not None:
        yield Violation(None, name, "columns.spelling", f"The column is spelt {spelling}.")
    else:
        yield Violation(None, name, "columns.custom", f"A column that FOCUS does not have begins with x_: x_{name}.")


def _order_violations(columns: Sequence[str]) -> Iterator[Violation]:
    focus = [name for name in columns if not name.startswith(CUSTOM)]
    custom = [name for name in columns if name.startswith(CUSTOM)]
    if list(columns) != focus + custom:
        misplaced = next(actual for actual, expected in zip(columns, focus + custom, strict=True) if actual != expected)
        yield Violation(None, misplaced, "columns.custom_last", "Custom columns come after all FOCUS columns.", SHOULD)
    for part in (focus, custom):
        unsorted = next((later for earlier, later in pairwise(part) if later < earlier), None)
        if unsorted is not None:
            yield Violation(None, unsorted, "columns.sorted", "Columns are in alphabetical order.", SHOULD)


# (rule, sentence, level)
CellFault = tuple[str, str, str]


@lru_cache(maxsize=64)
def _rules_of(
    version: Version, columns: tuple[str, ...]
) -> tuple[tuple[tuple[str, tuple[Callable[[str | None], CellFault | None], ...]], ...], tuple[Rule, ...]]:
    present = set(columns)
    version_columns = columns_of(version)
    cells = tuple((name, (_cell_rule(version_columns[name]),)) for name in columns if name in version_columns)
    rows = tuple(rule for rule in RULES if present.issuperset(rule.needs) and set(rule.needs) <= version_columns.keys())
    return cells, rows


def _cell_rule(column: Column) -> Callable[[str | None], CellFault | None]:
    """The rule of a column's cells: first whether null is allowed, then the format of its type."""
    name, allowed = column.name, ALLOWED.get(column.name)

    def inspect(cell: str | None) -> CellFault | None:
        if cell is None:
            return None if column.nullable else ("not_null", f"{name} must not be null.", MUST)
        if cell.strip() in NULL_WORDS:
            return "null", f"{name} holds a word or blanks for null; null must be an empty cell.", MUST
        if allowed is not None and cell not in allowed:
            return "allowed", f"{name} must be one of {', '.join(sorted(allowed))}.", MUST
        return _kind_rule(column, cell)

    return inspect


def _kind_rule(column: Column, cell: str) -> CellFault | None:
    """What is wrong with the format of a cell of this type; None when nothing is."""
    name = column.name
    match column.kind:
        case Kind.NUMBER:
            return _number_rule(column, cell)
        case Kind.TIME:
            problem = None if strict_time(cell) is not None else "must be UTC as YYYY-MM-DDTHH:mm:ssZ"
            rule = "time"
        case Kind.KEY_VALUE:
            pairs = key_value(cell)
            rule, problem = "key_value", pairs if isinstance(pairs, str) else None
        case Kind.JSON:
            value = any_json(cell)
            rule, problem = "json", value if isinstance(value, str) else None
        case Kind.TEXT:
            if name in UNIT_COLUMNS and unit_of(cell)[1] in _SINGULAR:
                return "unit", f"{name} is written in the plural, such as Tokens.", SHOULD
            return None
    return None if problem is None else (rule, f"{name} {problem}.", MUST)


def _number_rule(column: Column, cell: str) -> CellFault | None:
    number = strict_number(cell)
    if number is None:
        return "number", f"{column.name} must be a plain number without plus sign, thousands separator or unit.", MUST
    if column.not_negative and number < 0:
        return "not_negative", f"{column.name} must not be negative.", MUST
    return None
