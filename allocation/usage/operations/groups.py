"""Submissions of several senders recorded in one transaction."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from allocation.usage.engine.batches import apart
from allocation.usage.operations.ingest import (
    CostedSubmission,
    Submission,
    Written,
    cost_submission,
    record_submission,
    result_of,
    write_submissions,
)
from allocation.usage.operations.pricing_context import pricing_contexts_for
from allocation.usage.operations.results import IngestResult


def record_together(submissions: Sequence[Submission], *, at: datetime) -> list[IngestResult | Exception]:
    """What became of each submission, or what `record_usage` would have raised for it; each is committed when this
    returns. One transaction records those that can share one. What has refused records, or a record in common with an
    earlier one, is recorded on its own after them, and so is every one of a group that fails: none suffers from
    another.
    """
    results: dict[int, IngestResult | Exception] = {}
    if len(submissions) > 1:
        try:
            results = _in_one_transaction(submissions, at)
        except Exception:  # noqa: BLE001  # what is wrong shows again in the one it is of
            results = {}
    return [
        results[place] if place in results else _alone(submission, at) for place, submission in enumerate(submissions)
    ]


def _alone(submission: Submission, at: datetime) -> IngestResult | Exception:
    try:
        return record_submission(submission, at=at)
    except Exception as problem:  # noqa: BLE001  # for its own sender to see
        return problem


def _in_one_transaction(submissions: Sequence[Submission], at: datetime) -> dict[int, IngestResult | Exception]:
    """The results of those that could share it, by place."""
    senders = {each.key_scope_id for each in submissions}
    contexts = pricing_contexts_for(key_scope_ids=senders, at=at, as_last_known=True)
    costed = [cost_submission(each, contexts[each.key_scope_id]) for each in submissions]
    plain = [place for place, each in enumerate(costed) if not each.refused and each.submission.is_plain]
    are_apart = apart([costed[place].batch for place in plain])
    shared = [place for place, is_apart in zip(plain, are_apart, strict=True) if is_apart]
    written = write_submissions([costed[place] for place in shared], at=at) if shared else None
    if written is None:
        return {}
    known = {record.key for record in written.new}
    return {place: result_of(costed[place], _own(costed[place], written, known)) for place in shared}


def _own(costed: CostedSubmission, written: Written, known: AbstractSet[tuple[str, float]]) -> Written:
    new = [written.apart.get(record.key, record) for record in costed.batch.records if record.key in known]
    return replace(written, new=new)
