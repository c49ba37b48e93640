"""What became of a batch of records, usage or outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from governance.errors import Invalid

BATCH_MAX = 10_000


class BatchTooLarge(Invalid):
    """The batch holds more than BATCH_MAX records."""

    code = "batch_too_large"
    status = 413


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one record was refused; `index` is its position in what was sent, from 0."""

    index: int
    code: str
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class IngestResult:
    """How many records were new, how many were known already, and those that were refused. `costs` is what the new ones
    cost, by currency; `unpriced` counts those of which no cost is known. `evaluated_in` is the number of the
    transaction that evaluated a budget which they brought to a line; 0 for none.
    """

    accepted: int
    duplicate: int
    rejected: tuple[Rejection, ...]
    costs: Mapping[str, Decimal] = field(default_factory=dict, compare=False)
    unpriced: int = field(default=0, compare=False)
    evaluated_in: int = field(default=0, compare=False)
