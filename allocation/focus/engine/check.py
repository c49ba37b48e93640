"""`check`: what in a FOCUS file does not follow FOCUS."""

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
# The specification's own words: "must" is broken, "should" is worth a look.
MUST, SHOULD = "must", "should"
_TIMES = ["Year", "Month", "Day", "Hour", "Minute", "Second"]
_COUNTS = ["Unit", "Request", "Token", "Connection", "Certificate", "Domain", "Core"]
_SINGULAR = frozenset(_TIMES + _COUNTS)
CellRule = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Violation:
    """`row` counts from 1; None for what concerns the file's columns. `sentence` repeats no value of the file."""

    row: int | None
    column: str
    rule: str
    sentence: str
    level: str = MUST


def check(
    version: Version, rows: Iterable[Mapping[str, str | None]], columns: Sequence[str] | None = None
) -> Iterator[Violation]:
    """Lazily, in the order of rows. `columns` are the file's, in its order; without them the first row's keys are."""
    lines = iter(rows)
    if columns is None:
        first = next(lines, None)
        columns = () if first is None else tuple(first)
        lines = iter(()) if first is None else chain((first,), lines)
    yield from _of_columns(version, columns)
    cell_rules, row_rules = _inspection(version, tuple(columns))
    for number, row in enumerate(lines, 1):
        for name, rules in cell_rules:
            cell = row.get(name)
            for rule in rules:
                if (found := rule(cell)) is not None:
                    yield Violation(number, name, f"{name}.{found[0]}", found[1], found[2])
        cells = Cells(row)
        for between in row_rules:
            sentence = between.broken(cells)
            if sentence is not None:
                yield Violation(number, between.column, between.id, sentence)


def _of_columns(version: Version, columns: Sequence[str]) -> Iterator[Violation]:
    wanted = columns_of(version)
    present = set(columns)
    for column in wanted.values():
        if column.name not in present and (level := column.level_in(version)) is not Level.CONDITIONAL:
            strict = MUST if level is Level.MANDATORY else SHOULD
            sentence = f"FOCUS {version} wants a column {column.name}; it is {level.value}."
            yield Violation(None, column.name, f"{column.name}.present", sentence, strict)
    for name in sorted({name for name in columns if list(columns).count(name) > 1}):
        yield Violation(None, name, "columns.once", f"The column {name} stands there more than once.")
    for name in columns:
        yield from _of_name(version, name, wanted)
    yield from _of_order(columns)


def _of_name(version: Version, name: str, wanted: Mapping[str, Column]) -> Iterator[Violation]:
    if name in wanted:
        return
    if name.startswith(CUSTOM):
        if not PASCAL.fullmatch(name.removeprefix(CUSTOM)):
            yield Violation(None, name, "columns.pascal_case", "After x_ a custom column is PascalCase.", SHOULD)
        if len(name) > NAME_LENGTH_MAX:
            yield Violation(None, name, "columns.length", "A column has at most 50 characters.", SHOULD)
    elif name in BY_NAME or name in DRAFT:
        yield Violation(None, name, "columns.version", f"FOCUS {version} does not have the column {name}.")
    elif (meant := known_name(name)) is not None:
        yield Violation(None, name, "columns.spelling", f"The column is spelt {meant}.")
    else:
        yield Violation(None, name, "columns.custom", f"A column that FOCUS does not have begins with x_: x_{name}.")


def _of_order(columns: Sequence[str]) -> Iterator[Violation]:
    focus = [name for name in columns if not name.startswith(CUSTOM)]
    custom = [name for name in columns if name.startswith(CUSTOM)]
    if list(columns) != focus + custom:
        where = next(mine for mine, good in zip(columns, focus + custom, strict=True) if mine != good)
        yield Violation(None, where, "columns.custom_last", "Custom columns stand after all FOCUS columns.", SHOULD)
    for part in (focus, custom):
        unsorted = next((later for one, later in pairwise(part) if later < one), None)
        if unsorted is not None:
            yield Violation(None, unsorted, "columns.sorted", "Columns stand in alphabetical order.", SHOULD)


Found = tuple[str, str, str]


@lru_cache(maxsize=64)
def _inspection(
    version: Version, columns: tuple[str, ...]
) -> tuple[tuple[tuple[str, tuple[Callable[[str | None], Found | None], ...]], ...], tuple[Rule, ...]]:
    present = set(columns)
    wanted = columns_of(version)
    cells = tuple((name, (_cell_rule(wanted[name]),)) for name in columns if name in wanted)
    rows = tuple(rule for rule in RULES if present.issuperset(rule.needs) and set(rule.needs) <= wanted.keys())
    return cells, rows


def _cell_rule(column: Column) -> Callable[[str | None], Found | None]:
    """Null handling first; what is there, by its kind."""
    name, allowed = column.name, ALLOWED.get(column.name)

    def inspect(cell: str | None) -> Found | None:
        if cell is None:
            return None if column.nullable else ("not_null", f"{name} must not be null.", MUST)
        if cell.strip() in NULL_WORDS:
            return "null", f"{name} holds a word or blanks for null; null is an empty cell.", MUST
        if allowed is not None and cell not in allowed:
            return "allowed", f"{name} must be one of {', '.join(sorted(allowed))}.", MUST
        return _kind_rule(column, cell)

    return inspect


def _kind_rule(column: Column, cell: str) -> Found | None:
    """What is wrong with a cell of this kind: the rule's name, the sentence, how strict it is."""
    name = column.name
    match column.kind:
        case Kind.NUMBER:
            return _number_rule(column, cell)
        case Kind.TIME:
            wrong = None if strict_time(cell) is not None else "must be UTC as YYYY-MM-DDTHH:mm:ssZ"
            rule = "time"
        case Kind.KEY_VALUE:
            found = key_value(cell)
            rule, wrong = "key_value", found if isinstance(found, str) else None
        case Kind.JSON:
            read = any_json(cell)
            rule, wrong = "json", read if isinstance(read, str) else None
        case Kind.TEXT:
            if name in UNIT_COLUMNS and unit_of(cell)[1] in _SINGULAR:
                return "unit", f"{name} is written in the plural, such as Tokens.", SHOULD
            return None
    return None if wrong is None else (rule, f"{name} {wrong}.", MUST)


def _number_rule(column: Column, cell: str) -> Found | None:
    number = strict_number(cell)
    if number is None:
        return "number", f"{column.name} must be a plain number, without plus sign, separator or unit.", MUST
    if column.not_negative and number < 0:
        return "not_negative", f"{column.name} must not be negative.", MUST
    return None
