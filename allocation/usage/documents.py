"""Mapping files: where each field of a usage event is found in another program's CSV, JSON or Parquet."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from allocation.meters.documents import COUNTED_METERS, EVENT_FIELDS, TOKEN_FIELDS, Identity, Money

Unit = Literal["s", "ms", "us", "ns"]
Scalar = str | int | bool | Decimal
NOT_ONE_COLUMN = frozenset({"tokens", "quantities", "attributes", "source", "identity", "other_ids"})
REQUIRED = frozenset({"id", "occurred_at", "provider", "model"})
_CONFIG = ConfigDict(extra="forbid", frozen=True)


class Constant(BaseModel):
    """The same value for every record."""

    model_config = _CONFIG

    constant: Scalar


class Column(BaseModel):
    """A column, or with dots a path into nested records. `scale` multiplies numbers. For `occurred_at`, `unit` reads a
    number as the time since `relative_to` (1970 by default), and `assume_utc` reads a bare date or a time without a
    zone as UTC. `after` takes the text behind its last occurrence, such as a model behind the last / of an ARN.
    `values` translates, e.g. {"200": success}; a value it does not list is kept.
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
    """Several columns joined into one identity. `digest` writes a digest of them, for columns that are many or name a
    person.
    """

    model_config = _CONFIG

    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    join: str = "-"
    digest: bool = False


class First(BaseModel):
    """The first of several columns that holds a value, after its `values` are applied."""

    model_config = _CONFIG

    first: Annotated[tuple[Column, ...], Field(min_length=2)]


class Total(BaseModel):
    """The sum of token counts that are reported separately; an empty column counts as 0."""

    model_config = _CONFIG

    sum: Annotated[tuple[str, ...], Field(min_length=2)]


class Row(BaseModel):
    """A digest of the whole record: an identity for records that have none and are never restated. Equal records of one
    file are numbered in their order.
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


FieldSpec = Constant | Column | Columns | First | Total | Row | Line | Choose | PrefixBlocks
Conditions = dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
PARTS = {"tokens": TOKEN_FIELDS, "cost": frozenset(Money.model_fields), "quantities": COUNTED_METERS}


class UsageMapping(BaseModel):
    """`each` names nested lists, outermost first, whose items are the records; an item also has the fields of what it
    lies in. `only_when` and `skip_when` select records by the value of a column ("" is empty or absent), which leaves
    out, for example, other teams' records or empty time buckets. `identity` id says that an id is used once: a record
    of the same id at another time is the same record.
    """

    model_config = _CONFIG

    format: Literal["csv", "jsonl", "json", "parquet"]
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    source: Annotated[str, Field(min_length=1, max_length=128)]
    identity: Identity = "id_and_time"
    each: tuple[str, ...] = ()
    only_when: Conditions = {}
    skip_when: Conditions = {}
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
            if isinstance(spec, Total) and head != "tokens":
                raise ValueError(f"fields.{name}: sum is for token counts")
            if isinstance(spec, PrefixBlocks) and name != "tokens.cached_input":
                raise ValueError(f"fields.{name}: prefix_blocks is for tokens.cached_input")
        if self.each and self.format not in {"json", "jsonl"}:
            raise ValueError("each is for json and jsonl: other formats have one record per row")
        if missing := sorted(REQUIRED - self.fields.keys()):
            raise ValueError(f"fields lacks {', '.join(missing)}")
        return self
