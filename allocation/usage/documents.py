"""Mapping files: where each field of a usage event is found in another program's CSV, JSON or Parquet."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from allocation.meters.documents import COUNTED_METERS, EVENT_FIELDS, TOKEN_FIELDS, Identity, Money

Unit = Literal["s", "ms", "us", "ns"]
Scalar = str | int | bool | Decimal
NOT_ONE_COLUMN = frozenset({"tokens", "quantities", "attributes", "source", "identity", "other_ids"})
REQUIRED = frozenset({"id", "occurred_at", "provider", "model"})
_CONFIG = ConfigDict(extra="forbid", frozen=True)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("there is no such time zone; write an IANA name, such as Europe/Berlin") from None
    return name


Text = Annotated[str, Field(min_length=1)]
Zone = Annotated[str, AfterValidator(_known_zone)]
DecimalMark = Literal[".", ","]
ThousandsMark = Literal[",", ".", " ", "'", "_", "\u00a0", "\u202f", "\u2019"]


class Constant(BaseModel):
    """The same value for every record."""

    model_config = _CONFIG

    constant: Scalar


class Column(BaseModel):
    """A column, or with dots a path into nested records.

    An empty cell gives `default`. A file without the column is refused, unless it has a default or is `optional`.

    Text: `strip` takes characters off both ends. `before` takes the text in front of the first occurrence, and nothing
    where there is none; `after_first` what stands behind the first, `after` behind the last occurrence, such as a model
    behind the last / of an ARN. `values` translates, e.g. {"200": success, "5*": error}, where `*` stands for any text;
    a value it does not list is kept, or with `only_listed` is as if it were empty.

    Numbers: `decimal` and `thousands` say how they are written, where the mapping's own do not hold; `scale` multiplies
    them.

    For `occurred_at`, `unit` reads a number as the time since `relative_to` (1970 by default), `format` a time written
    as Python's strptime describes it. `zone` is the time zone of a time that names none, and `assume_utc` says that it
    is UTC.
    """

    model_config = _CONFIG

    column: Text
    default: Scalar | None = None
    optional: bool = False
    strip: str = ""
    before: Text | None = None
    after_first: Text | None = None
    after: Text | None = None
    values: dict[str, str] = {}
    only_listed: bool = False
    decimal: DecimalMark | None = None
    thousands: ThousandsMark | None = None
    scale: Decimal | None = None
    unit: Unit | None = None
    relative_to: AwareDatetime | None = None
    format: Text | None = None
    zone: Zone | None = None
    assume_utc: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if sum(mark is not None for mark in (self.before, self.after_first, self.after)) > 1:
            raise ValueError(f"column {self.column}: give one of before, after_first and after")
        if self.zone and self.assume_utc:
            raise ValueError(f"column {self.column}: zone and assume_utc exclude each other")
        if self.unit and self.format:
            raise ValueError(f"column {self.column}: unit reads a number, format a text; give one of them")
        if self.only_listed and not self.values:
            raise ValueError(f"column {self.column}: only_listed needs values")
        return self


class Columns(BaseModel):
    """Several columns joined into one text, such as an identity. `digest` writes a digest of them, for columns that are
    many or name a person. Those given as more than a name are left out where they are empty. `values` translates the
    text.
    """

    model_config = _CONFIG

    columns: Annotated[tuple[Text | Column, ...], Field(min_length=1)]
    join: str = "-"
    digest: bool = False
    values: dict[str, str] = {}


class FixedNumber(BaseModel):
    """The same number for every record."""

    model_config = _CONFIG

    constant: Annotated[Decimal, Field(allow_inf_nan=False)]


class Total(BaseModel):
    """The sum of quantities or amounts; what is empty counts as 0, and without any there is no sum. With
    `zero_is_unknown` a sum of 0 is no statement, such as a bill of 0 for what somebody else bills.
    """

    model_config = _CONFIG

    sum: Annotated[tuple["Term", ...], Field(min_length=2)]
    zero_is_unknown: bool = False


class Product(BaseModel):
    """Quantities and amounts multiplied, such as a price and a quantity; nothing where one of them is empty."""

    model_config = _CONFIG

    product: Annotated[tuple["Term", ...], Field(min_length=2)]


class Difference(BaseModel):
    """The first less all others, of which an empty one counts as 0; nothing where the first is empty."""

    model_config = _CONFIG

    difference: Annotated[tuple["Term", ...], Field(min_length=2)]


class Least(BaseModel):
    """The lowest of several quantities or amounts; empty ones are left out."""

    model_config = _CONFIG

    least: Annotated[tuple["Term", ...], Field(min_length=2)]


class Greatest(BaseModel):
    """The highest of several quantities or amounts; empty ones are left out."""

    model_config = _CONFIG

    greatest: Annotated[tuple["Term", ...], Field(min_length=2)]


Arithmetic = Total | Product | Difference | Least | Greatest
# A text names a column.
Term = Text | Column | FixedNumber | Arithmetic


class First(BaseModel):
    """The first of several that holds a value, after its `values` are applied."""

    model_config = _CONFIG

    first: Annotated[tuple[Column | Constant | Arithmetic, ...], Field(min_length=2)]


class AllBut(BaseModel):
    """An identity for rows that sum up many calls: a digest of every column but those that the mapping reads as
    quantities or amounts, and those listed here (`*` stands for any text): what a provider works out from others, or
    changes later, such as a status or a display name. A column that the provider adds tells rows apart from then on.
    Rows of one file that are alike in it are numbered in their order.
    """

    model_config = _CONFIG

    all_but: tuple[Text, ...]


class Row(BaseModel):
    """A digest of the whole record, empty fields left out: an identity for records that have none and are never
    restated. Equal records of one file are numbered in their order.
    """

    model_config = _CONFIG

    row: Literal[True]


class Line(BaseModel):
    """The record's number in the file, from 1. It identifies records only as long as no line is added or removed."""

    model_config = _CONFIG

    line: Literal[True]


class Choose(BaseModel):
    """One of a list: in turn by line, or for `by_column` always the same one for the same text in that column."""

    model_config = _CONFIG

    choose: Annotated[tuple[str, ...], Field(min_length=1)]
    by_column: str | None = None


class PrefixBlocks(BaseModel):
    """Cached input of a trace that lists its prefix blocks: the leading blocks that an earlier line had too, at
    `block_tokens` each, at most the input. One cache, of unlimited size, serves the whole file.
    """

    model_config = _CONFIG

    prefix_blocks: str
    block_tokens: Annotated[int, Field(gt=0)]


class Pivot(BaseModel):
    """Rows with one quantity each, made one record of all quantities. `names` is the column that says what a row
    counts, `sums` are the columns with the quantities and amounts. Rows alike in the columns `by` become one record:
    by default in every column but `names`, `sums` and those in `all_but`. It has the columns of its first row; each
    column of `sums` holds the sum of its rows, and `NAME.COLUMN`, such as `input_tokens.quantity`, that of the rows of
    one name. A name whose quantity the mapping reads nowhere refuses the record, unless it is in `ignore`.
    """

    model_config = _CONFIG

    names: Text | Column
    sums: Annotated[tuple[Text, ...], Field(min_length=1)]
    by: tuple[Text, ...] = ()
    all_but: tuple[Text, ...] = ()
    ignore: tuple[Text, ...] = ()


FieldSpec = Constant | Column | Columns | First | Arithmetic | AllBut | Row | Line | Choose | PrefixBlocks
Conditions = dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
PARTS = {"tokens": TOKEN_FIELDS, "cost": frozenset(Money.model_fields), "quantities": COUNTED_METERS}


QUANTITIES = frozenset({"tokens", "quantities", "requests", "gpu_seconds", "latency_ms"})
AMOUNTS = frozenset({"cost", "cost.amount"})


def is_quantity(field: str) -> bool:
    """Whether the field of an event is a quantity or an amount, not what it is of."""
    return field in AMOUNTS or field.partition(".")[0] in QUANTITIES


class Stated(BaseModel):
    """The file holds everything of an account, which the columns of `account` name, from the first `period` (UTC) of
    which it has a row to the last. A later file of the same account replaces it for the periods that both state.
    """

    model_config = _CONFIG

    account: Annotated[tuple[str, ...], Field(min_length=1)]
    period: Literal["hour", "day", "month"] = "day"


class UsageMapping(BaseModel):
    """`each` names nested lists, outermost first, whose items are the records; an item also has the fields of what it
    lies in. `only_when` and `skip_when` select records by the value of a column ("" is empty, 0 is any zero, and `*`
    stands for any text), which leaves out, for example, other teams' records or empty time buckets. `identity` id says
    that an id is used once: a record of the same id at another time is the same record. `decimal` and `thousands` say
    how the file writes numbers. `statement` says that the file states an account's days or months whole.
    """

    model_config = _CONFIG

    format: Literal["csv", "jsonl", "json", "parquet"]
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    source: Annotated[str, Field(min_length=1, max_length=128)]
    identity: Identity = "id_and_time"
    decimal: DecimalMark = "."
    thousands: ThousandsMark | None = None
    each: tuple[str, ...] = ()
    only_when: Conditions = {}
    skip_when: Conditions = {}
    pivot: Pivot | None = None
    statement: Stated | None = None
    fields: dict[str, FieldSpec]

    @model_validator(mode="after")
    def _names_known_fields(self) -> Self:
        for name, spec in self.fields.items():
            head, _, tail = name.partition(".")
            known = tail in PARTS.get(head, ()) or (head == "attributes" and tail) or (
                not tail and head in EVENT_FIELDS - NOT_ONE_COLUMN
            )  # fmt: skip
            if not known:
                raise ValueError(f"fields.{name} is not a field of a usage event")
            if isinstance(spec, PrefixBlocks) and name != "tokens.cached_input":
                raise ValueError(f"fields.{name}: prefix_blocks is for tokens.cached_input")
            if isinstance(spec, AllBut) and name != "id":
                raise ValueError(f"fields.{name}: all_but is for id")
            if isinstance(spec, Columns) and (name == "occurred_at" or is_quantity(name)):
                raise ValueError(f"fields.{name}: columns is for texts")
        if missing := sorted(REQUIRED - self.fields.keys()):
            raise ValueError(f"fields lacks {', '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _counts_numbers(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same mark; give each its own")
        for name, spec in self.fields.items():
            for part in parts_of(spec):
                self._check_part(name, part)
        return self

    def _check_part(self, name: str, part: "FieldSpec | Term") -> None:
        if isinstance(part, Arithmetic) and not is_quantity(name):
            kind = next(iter(type(part).model_fields))
            raise ValueError(f"fields.{name}: {kind} is for quantities and amounts")
        if isinstance(part, Column) and (part.decimal or self.decimal) == (part.thousands or self.thousands):
            raise ValueError(f"fields.{name}: decimal and thousands are the same mark; give each its own")
        defaults = [
            term.default for term in terms_of(part) if isinstance(term, Column) and isinstance(part, Arithmetic)
        ]
        if not all(default is None or type(default) in {int, Decimal} for default in defaults):
            raise ValueError(f"fields.{name}: a default among quantities is a number")

    @model_validator(mode="after")
    def _reads_its_format(self) -> Self:
        if self.each and self.format not in {"json", "jsonl"}:
            raise ValueError("each is for json and jsonl: other formats have one record per row")
        return self


def terms_of(spec: "FieldSpec | Term") -> "tuple[Constant | Term, ...]":
    """What the value is made of."""
    match spec:
        case Total(sum=terms) | Product(product=terms) | Difference(difference=terms):
            return terms
        case Least(least=terms) | Greatest(greatest=terms):
            return terms
        case First(first=alternatives) | Columns(columns=alternatives):
            return alternatives
        case _:
            return ()


def parts_of(spec: "FieldSpec | Term") -> "Iterator[FieldSpec | Term]":
    """The value and all values that it is made of, outermost first."""
    yield spec
    for part in terms_of(spec):
        yield from parts_of(part)
