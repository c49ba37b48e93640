"""A mapping file names where in somebody else's CSV, JSON or Parquet each field of a usage event stands."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from allocation.meters.documents import COUNTED_METERS, EVENT_FIELDS, TOKEN_FIELDS, Money

Unit = Literal["s", "ms", "us", "ns"]
Scalar = str | int | bool | Decimal
REQUIRED = frozenset({"id", "occurred_at", "provider", "model"})
_CONFIG = ConfigDict(extra="forbid", frozen=True)


class Constant(BaseModel):
    model_config = _CONFIG

    constant: Scalar


class Column(BaseModel):
    """`column` may be a path with dots where records are nested. `scale` multiplies numbers. For `occurred_at`: `unit`
    makes a number an instant, counted from `relative_to` (1970 without it); a text without a zone, or a bare date, is
    read as UTC when `assume_utc` says so. `after` takes what stands behind the last of that text, such as a model
    behind the last / of an ARN. `values` translates, e.g. {"200": success}; what it does not name is passed on.
    """

    model_config = _CONFIG

    column: str
    default: Scalar | None = None
    scale: Decimal | None = None
    unit: Unit | None = None
    relative_to: AwareDatetime | None = None
    assume_utc: bool = False
    after: Annotated[str, Field(min_length=1)] | None = None
    values: dict[str, str] = {}


class Columns(BaseModel):
    """Several columns joined: an identity made of parts. `digest` writes their digest instead, where they are many, or
    name a person.
    """

    model_config = _CONFIG

    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    join: str = "-"
    digest: bool = False


class First(BaseModel):
    """The first of several columns that holds something, after its `values`."""

    model_config = _CONFIG

    first: Annotated[tuple[Column, ...], Field(min_length=2)]


class Total(BaseModel):
    """Counts of tokens that are reported apart, added up; a column that is empty counts as none."""

    model_config = _CONFIG

    sum: Annotated[tuple[str, ...], Field(min_length=2)]


class Row(BaseModel):
    """A digest of the whole record: the identity of rows that have none and are never restated. Equal rows of one file
    are told apart by how many there were before.
    """

    model_config = _CONFIG

    row: Literal[True]


class Line(BaseModel):
    """The record's number in the file, from 1. An identity only as long as lines are not taken out or put in."""

    model_config = _CONFIG

    line: Literal[True]


class Choose(BaseModel):
    """One of a list: in turn by line, or always the same for the same text in a column."""

    model_config = _CONFIG

    choose: Annotated[tuple[str, ...], Field(min_length=1)]
    by_column: str | None = None


class PrefixBlocks(BaseModel):
    """Cached input of a trace that names its prefix blocks: the leading blocks that an earlier line already had, at
    `block_tokens` each and never more than the input. One cache for the whole file, which forgets nothing.
    """

    model_config = _CONFIG

    prefix_blocks: str
    block_tokens: Annotated[int, Field(gt=0)]


FieldSpec = Constant | Column | Columns | First | Total | Row | Line | Choose | PrefixBlocks
Conditions = dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
PARTS = {"tokens": TOKEN_FIELDS, "cost": frozenset(Money.model_fields), "quantities": COUNTED_METERS}


class UsageMapping(BaseModel):
    """`each` names the lists, from the outside in, whose items are the records; an item has the fields of what it lies
    in too. `only_when` and `skip_when` leave records out by what a column holds ("" is empty or absent): what is
    somebody else's, or an empty bucket of time.
    """

    model_config = _CONFIG

    format: Literal["csv", "jsonl", "json", "parquet"]
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    source: Annotated[str, Field(min_length=1, max_length=128)]
    each: tuple[str, ...] = ()
    only_when: Conditions = {}
    skip_when: Conditions = {}
    fields: dict[str, FieldSpec]

    @model_validator(mode="after")
    def _names_known_fields(self) -> Self:
        for name, spec in self.fields.items():
            head, _, tail = name.partition(".")
            known = tail in PARTS.get(head, ()) or (head == "attributes" and tail) or (
                not tail and head in EVENT_FIELDS - {"tokens", "quantities", "attributes", "source"}
            )  # fmt: skip
            if not known:
                raise ValueError(f"fields.{name} is not a field of a usage event")
            if isinstance(spec, Total) and head != "tokens":
                raise ValueError(f"fields.{name}: sum adds up tokens")
            if isinstance(spec, PrefixBlocks) and name != "tokens.cached_input":
                raise ValueError(f"fields.{name}: prefix_blocks gives tokens.cached_input")
        if self.each and self.format not in {"json", "jsonl"}:
            raise ValueError("each is for json and jsonl: other formats hold one record a row")
        if missing := sorted(REQUIRED - self.fields.keys()):
            raise ValueError(f"fields lacks {', '.join(missing)}")
        return self
