from __future__ import annotations

from collections.abc import Iterator

from django.db.models import TextField
from django.db.models.functions import Cast

from governance.engine.chain import ChainCheck, ChainedRecord, Head, check_chain
from governance.models import DecisionRecord

COLUMNS = (
    "seq", "decided_at", "actor", "user_id", "key_id", "action", "scope_id", "scope_path", "subject", "reason",
    "evidence_text", "previous_hash", "hash",
)  # fmt: skip
CHUNK = 2000


def chained_records() -> Iterator[ChainedRecord]:
    """All, in order, streamed."""
    rows = DecisionRecord.objects.annotate(evidence_text=Cast("evidence", TextField())).order_by("seq")
    return (ChainedRecord(*row) for row in rows.values_list(*COLUMNS).iterator(chunk_size=CHUNK))


def verify_chain(*, expected: Head | None = None) -> ChainCheck:
    return check_chain(chained_records(), expected=expected)


def chain_head() -> Head | None:
    last = DecisionRecord.objects.order_by("-seq").values_list("seq", "hash").first()
    return Head(*last) if last else None
