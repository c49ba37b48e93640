"""What a sender is told of a batch."""

from dataclasses import dataclass

from governance.errors import Invalid

BATCH_MAX = 10_000


class BatchTooLarge(Invalid):
    code = "batch_too_large"
    status = 413


@dataclass(frozen=True, slots=True)
class Rejection:
    index: int
    code: str
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class IngestResult:
    accepted: int
    duplicate: int
    rejected: tuple[Rejection, ...]
