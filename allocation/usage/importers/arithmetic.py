"""Quantities and amounts that a mapping works out from several columns, exactly."""

from collections.abc import Callable, Sequence
from decimal import Decimal, Inexact
from functools import reduce

from allocation.meters.documents import EXACT, multiplied
from allocation.usage.documents import (
    Arithmetic,
    Column,
    Difference,
    FixedNumber,
    Greatest,
    Least,
    Product,
    Term,
    Total,
    UsageMapping,
)
from allocation.usage.importers.cells import Record, Unreadable, every_at, number, trimmed

Read = Callable[[Record], Decimal | None]
Stated = Sequence[Decimal | None]


def calculated(spec: Arithmetic, mapping: UsageMapping) -> Read:
    """What the columns of a row come to; None where they say nothing. Raises Unreadable, with the column's name."""
    match spec:
        case Total():
            return _of(spec.sum, mapping, _sum_unless_zero if spec.zero_is_unknown else _sum)
        case Product():
            return _of(spec.product, mapping, _product)
        case Difference():
            return _of(spec.difference, mapping, _difference)
        case Least():
            return _of(spec.least, mapping, lambda terms: min(_known(terms), default=None))
        case Greatest():
            return _of(spec.greatest, mapping, lambda terms: max(_known(terms), default=None))


def _of(terms: Sequence[Term], mapping: UsageMapping, work_out: Callable[[Stated], Decimal | None]) -> Read:
    reads = [_term(term, mapping) for term in terms]

    def read(row: Record) -> Decimal | None:
        try:
            return work_out([each(row) for each in reads])
        except Inexact:
            raise Unreadable("comes to a number of too many digits.") from None

    return read


def _term(term: Term, mapping: UsageMapping) -> Read:
    if isinstance(term, str):
        return _cell(Column(column=term), mapping)
    if isinstance(term, Column):
        return _cell(term, mapping)
    if isinstance(term, FixedNumber):
        constant = term.constant
        return lambda _row: constant
    return calculated(term, mapping)


def _cell(spec: Column, mapping: UsageMapping) -> Read:
    default = None if spec.default is None else Decimal(str(spec.default))

    def read(row: Record) -> Decimal | None:
        value = every_at(row, spec.column)
        return _sum([each(item) for item in value]) if isinstance(value, list) else each(value)

    def each(value: object) -> Decimal | None:
        part = trimmed(value, spec)
        try:
            return default if part is None else number(part, spec, mapping)
        except Unreadable as problem:
            raise Unreadable(f"is read from the column {spec.column}, which {problem.why}") from None

    return read


def _known(terms: Stated) -> list[Decimal]:
    return [term for term in terms if term is not None]


def _sum(terms: Stated) -> Decimal | None:
    known = _known(terms)
    return reduce(EXACT.add, known) if known else None


def _sum_unless_zero(terms: Stated) -> Decimal | None:
    return _sum(terms) or None


def _product(terms: Stated) -> Decimal | None:
    known = _known(terms)
    return reduce(multiplied, known) if len(known) == len(terms) else None


def _difference(terms: Stated) -> Decimal | None:
    first, *others = terms
    return None if first is None else reduce(EXACT.subtract, _known(others), first)
