"""Reading and verifying the chain of decision records."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from governance.records.engine import ChainCheck, ChainedRecord, Head, check_chain, hash_of
from governance.records.models import DecisionRecord

COLUMNS = (
    "seq", "decided_at", "actor", "user_id", "key_id", "action", "scope_id", "scope_path", "subject", "reason",
    "evidence_text", "previous_hash", "hash",
)  # fmt: skip
CHUNK = 2000


def with_evidence_text(records: QuerySet[DecisionRecord]) -> QuerySet[DecisionRecord]:
    """With the database's own text of the evidence, `evidence_text`, which the hash covers."""
    return records.annotate(evidence_text=Cast("evidence", TextField()))


def chained_records() -> Iterator[ChainedRecord]:
    """All records in order of `seq`, streamed."""
    rows = with_evidence_text(DecisionRecord.objects.order_by("seq"))
    return (ChainedRecord(*row) for row in rows.values_list(*COLUMNS).iterator(chunk_size=CHUNK))


def is_intact(record: DecisionRecord) -> bool:
    """Whether the record's hash fits its content; the record was read by `with_evidence_text`."""
    return record.hash == hash_of(ChainedRecord(*(getattr(record, column) for column in COLUMNS)))


def verify_chain(*, expected: Head | None = None) -> ChainCheck:
    """Recomputes every hash. With `expected`, also checks that the chain contains this head."""
    return check_chain(chained_records(), expected=expected)


def chain_head() -> Head | None:
    """The last record's head; None before the first."""
    last = DecisionRecord.objects.order_by("-seq").values_list("seq", "hash").first()
    return Head(*last) if last else None
