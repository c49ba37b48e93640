"""A mapping file names where in somebody else's CSV or JSON lines each field of a usage event stands."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from allocation.documents.events import EVENT_FIELDS, TOKEN_FIELDS

Unit = Literal["s", "ms", "us", "ns"]
Scalar = str | int | bool | Decimal
REQUIRED = frozenset({"id", "occurred_at", "provider", "model"})
_CONFIG = ConfigDict(extra="forbid", frozen=True)


class Constant(BaseModel):
    model_config = _CONFIG

    constant: Scalar


class Column(BaseModel):
    """`column` may be a path with dots in JSON lines. `scale` multiplies numbers. For `occurred_at`: `unit` makes a
    number an instant, counted from `relative_to` (1970 without it); a text without a zone is read as UTC when
    `assume_utc` says so. `values` translates, e.g. {"200": success}; what it does not name is passed on.
    """

    model_config = _CONFIG

    column: str
    default: Scalar | None = None
    scale: Decimal | None = None
    unit: Unit | None = None
    relative_to: AwareDatetime | None = None
    assume_utc: bool = False
    values: dict[str, str] = {}


class Columns(BaseModel):
    """Several columns joined: an identity made of parts."""

    model_config = _CONFIG

    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    join: str = "-"


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


FieldSpec = Constant | Column | Columns | Line | Choose | PrefixBlocks


class UsageMapping(BaseModel):
    model_config = _CONFIG

    format: Literal["csv", "jsonl"]
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    source: Annotated[str, Field(min_length=1, max_length=128)]
    fields: dict[str, FieldSpec]

    @model_validator(mode="after")
    def _names_known_fields(self) -> Self:
        for name, spec in self.fields.items():
            head, _, tail = name.partition(".")
            known = (head == "tokens" and tail in TOKEN_FIELDS) or (head == "attributes" and tail) or (
                not tail and head in EVENT_FIELDS - {"tokens", "attributes", "source"}
            )  # fmt: skip
            if not known:
                raise ValueError(f"fields.{name} is not a field of a usage event")
            if isinstance(spec, PrefixBlocks) and name != "tokens.cached_input":
                raise ValueError(f"fields.{name}: prefix_blocks gives tokens.cached_input")
        if missing := sorted(REQUIRED - self.fields.keys()):
            raise ValueError(f"fields lacks {', '.join(missing)}")
        return self
