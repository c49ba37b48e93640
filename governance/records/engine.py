"""The hash that chains decision records: SHA-256 over netstrings, as the database trigger computes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

START = "0" * 64


@dataclass(frozen=True, slots=True)
class ChainedRecord:
    """A decision record as it is hashed; `evidence` is the database's own text of the JSON."""

    seq: int
    decided_at: datetime
    actor: str
    user_id: int | None
    key_id: int | None
    action: str
    scope_id: int | None
    scope_path: str
    subject: str
    reason: str
    evidence: str
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of a chain. Kept elsewhere, it shows whether the chain was rewritten or cut."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """From `SEQ:HASH`; ValueError for anything else."""
        seq, _, digest = text.partition(":")
        if len(digest) != len(START) or not set(digest) <= set("0123456789abcdef"):
            raise ValueError("a head is SEQ:HASH, as `weir audit head` prints it")
        return cls(int(seq), digest)


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """`broken` says what is wrong, `broken_seq` at which record first; both None when the chain holds. `records` counts
    those that hold.
    """

    records: int
    head: Head | None
    broken_seq: int | None = None
    broken: str | None = None


def hash_of(record: ChainedRecord) -> str:
    """The hash of a record, in hexadecimal, which covers the hash before it."""
    fields = (
        record.previous_hash, str(record.seq), record.decided_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        record.actor, _text(record.user_id), _text(record.key_id), record.action, _text(record.scope_id),
        record.scope_path, record.subject, record.reason, record.evidence,
    )  # fmt: skip
    return hashlib.sha256(b"".join(_netstring(field) for field in fields)).hexdigest()


def check_chain(records: Iterable[ChainedRecord], *, expected: Head | None = None) -> ChainCheck:
    """Checks `records` in order of `seq`, up to the first that is wrong, holding one in memory. With `expected`, also
    that the chain contains this head.
    """
    count, previous = 0, Head(0, START)
    expected_found = expected is None
    for record in records:
        if wrong := _problem(record, previous):
            return ChainCheck(count, previous if count else None, record.seq, wrong)
        count, previous = count + 1, Head(record.seq, record.hash)
        if expected is not None and record.seq == expected.seq:
            if record.hash != expected.hash:
                return ChainCheck(count, previous, record.seq, "the record differs from the expected head")
            expected_found = True
    if not expected_found and expected is not None:
        return ChainCheck(count, previous if count else None, expected.seq, "the chain ends before the expected head")
    return ChainCheck(count, previous if count else None)


def _problem(record: ChainedRecord, previous: Head) -> str | None:
    if record.seq != previous.seq + 1:
        return f"record {previous.seq + 1} is missing"
    if record.previous_hash != previous.hash:
        return "the record does not follow the one before it"
    if record.hash != hash_of(record):
        return "the record was changed after it was written"
    return None


def _text(identity: int | None) -> str | None:
    return None if identity is None else str(identity)


def _netstring(field: str | None) -> bytes:
    if field is None:
        return b"-,"
    encoded = field.encode()
    return b"%d:%s," % (len(encoded), encoded)
