"""Usage on disk: nothing that was kept is lost by a kill, and nothing is sent as another record."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from weir_client import Spool, SpoolInUse

# A process that keeps records and tells of each, until it is killed.
KEEPS = """
import sys
from weir_client import Spool
spool = Spool(sys.argv[1])
for number in range(10**9):
    spool.append({"id": str(number)})
    print(number, flush=True)
"""


def ids(spool: Spool, records_max: int = 500) -> list[str]:
    return [json.loads(line)["id"] for line in spool.next_batch(records_max).lines]


def test_what_was_kept_waits_until_it_is_answered_for(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        for name in "abc":
            spool.append({"id": name})
        first = spool.next_batch(2)
        assert ids(spool, 2) == ["a", "b"]
        spool.answered(first)
        assert ids(spool) == ["c"]
    with Spool(tmp_path, sync=True) as spool:
        assert ids(spool) == ["c"]
        spool.append({"id": "d"})
        spool.answered(spool.next_batch())
        assert (ids(spool), spool.waiting_bytes) == ([], 0)
    assert (tmp_path / "usage.ndjson").read_bytes() == b""


def test_what_is_refused_is_kept_aside_with_its_reason(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.append({"id": "a"})
        batch = spool.next_batch()
        spool.answered(batch, [(batch.lines[0], {"code": "bad"})])
    kept = json.loads((tmp_path / "refused.ndjson").read_text())
    assert kept == {"reason": {"code": "bad"}, "record": '{"id":"a"}'}


def test_a_spool_is_one_processs(tmp_path: Path) -> None:
    with Spool(tmp_path), pytest.raises(SpoolInUse):
        Spool(tmp_path)


def test_half_a_line_of_a_killed_process_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "usage.ndjson").write_bytes(b'{"id":"a"}\n{"id":"b')
    with Spool(tmp_path) as spool:
        spool.append({"id": "c"})
        assert ids(spool) == ["a", "c"]


@pytest.mark.parametrize("sent", ["12345", "", "no number"])
def test_where_nobody_knows_what_was_sent_it_is_sent_again(tmp_path: Path, sent: str) -> None:
    (tmp_path / "usage.ndjson").write_bytes(b'{"id":"a"}\n')
    (tmp_path / "sent").write_text(sent)
    with Spool(tmp_path) as spool:
        assert ids(spool) == ["a"]


def test_a_kill_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", KEEPS, str(tmp_path)], stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert child.stdout is not None
    told = [int(child.stdout.readline()) for _ in range(50)]
    child.send_signal(signal.SIGKILL)
    told += [int(line) for line in child.stdout.read().splitlines()]
    child.wait()
    with Spool(tmp_path) as spool:
        kept = [int(each) for each in ids(spool, 10**9)]
        while (batch := spool.next_batch(10**9)).lines:
            kept += [int(json.loads(line)["id"]) for line in batch.lines]
            spool.answered(batch)
    assert set(told) <= set(kept)


def test_what_is_kept_after_a_kill_between_emptying_and_saying_so_is_sent_after_the_next_start_too(
    tmp_path: Path,
) -> None:
    (tmp_path / "usage.ndjson").write_bytes(b"")
    (tmp_path / "sent").write_text("40")
    with Spool(tmp_path) as spool:
        for name in "abcdef":
            spool.append({"id": name})
        assert spool.waiting_bytes > 40
    with Spool(tmp_path) as spool:
        assert ids(spool) == list("abcdef")
