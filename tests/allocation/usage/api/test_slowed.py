"""Batches are answered later while roll-ups are behind, single events are not."""

import pytest

from allocation.usage import operations
from allocation.usage.api import gathered
from allocation.usage.operations import IngestResult, Submission
from tests.allocation.conftest import event

DONE = IngestResult(accepted=1, duplicate=0, rejected=(), costs={}, unpriced=0)


@pytest.mark.parametrize(
    ("count", "behind_s", "pauses"), [(101, 0.75, [0.25]), (101, 90.0, [1.0]), (101, 0.4, [0.0]), (1, 90.0, [])]
)
def test_only_batches_wait(monkeypatch: pytest.MonkeyPatch, count: int, behind_s: float, pauses: list[float]) -> None:
    slept: list[float] = []
    monkeypatch.setattr(gathered.time, "sleep", slept.append)
    monkeypatch.setattr(operations, "behind_s", lambda: behind_s)
    monkeypatch.setattr(operations, "record_submission", lambda submission, at: DONE)
    monkeypatch.setattr(gathered, "record_post", lambda submission: DONE)
    submission = Submission(events=[event(id=f"{n}") for n in range(count)], key_scope_id=None)
    assert gathered.record_submission(submission) is DONE
    assert slept == pauses
