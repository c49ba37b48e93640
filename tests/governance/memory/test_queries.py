import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from governance.memory.queries import VersionedMemory


@pytest.fixture
def built() -> Iterator[int]:
    return count(1)


def test_a_value_is_built_once_for_each_version(built: Iterator[int]) -> None:
    memory: VersionedMemory[str, int] = VersionedMemory()
    assert [memory.of(version, lambda: next(built)) for version in ("a", "a", "b", "b", "a")] == [1, 1, 2, 2, 3]


def test_no_version_is_a_version_too(built: Iterator[int]) -> None:
    memory: VersionedMemory[str | None, int] = VersionedMemory()
    assert [memory.of(None, lambda: next(built)) for _ in range(2)] == [1, 1]


def test_nothing_is_known_before_anything_was_asked_for_and_after_it_is_forgotten(built: Iterator[int]) -> None:
    memory: VersionedMemory[str, int] = VersionedMemory()
    before = (memory.last_known(), memory.within(60))
    memory.of("a", lambda: next(built))
    known = (memory.last_known(), memory.within(60))
    memory.forget()
    assert (before, known, (memory.last_known(), memory.within(60))) == ((None, None), (1, 1), (None, None))


def test_what_is_asked_for_within_an_age_is_younger_than_it(monkeypatch: pytest.MonkeyPatch) -> None:
    memory: VersionedMemory[str, str] = VersionedMemory()
    memory.of("a", lambda: "value", read_at=100.0)
    answers = {}
    for now in (100.0, 100.9, 101.0, 200.0):
        monkeypatch.setattr("governance.memory.queries.time.monotonic", lambda now=now: now)
        answers[now] = (memory.within(1.0), memory.within(0.0), memory.last_known())
    assert answers == {
        100.0: ("value", None, "value"),
        100.9: ("value", None, "value"),
        101.0: (None, None, "value"),
        200.0: (None, None, "value"),
    }


def test_a_version_that_is_found_to_be_current_is_young_again_and_never_older(monkeypatch: pytest.MonkeyPatch) -> None:
    memory: VersionedMemory[str, str] = VersionedMemory()
    for read_at in (100.0, 105.0, 102.0):  # the last one is a thread that was held up
        memory.of("a", lambda: "value", read_at=read_at)
    monkeypatch.setattr("governance.memory.queries.time.monotonic", lambda: 105.5)
    assert memory.within(1.0) == "value"


def test_a_version_of_ones_own_transaction_is_shown_to_nobody_else(built: Iterator[int]) -> None:
    memory: VersionedMemory[str, int] = VersionedMemory()
    memory.of("committed", lambda: next(built))
    own = [memory.of("own", lambda: next(built), keep=False) for _ in range(2)]
    others = (memory.within(60), memory.last_known(), memory.of("committed", lambda: next(built)))
    assert (own, others) == ([2, 3], (1, 1, 1))


def test_what_cannot_be_built_leaves_what_was_held() -> None:
    memory: VersionedMemory[str, str] = VersionedMemory()
    memory.of("a", lambda: "value")

    def fails() -> str:
        raise OSError("no database")

    with pytest.raises(OSError, match="no database"):
        memory.of("b", fails)
    assert (memory.last_known(), memory.of("b", lambda: "later")) == ("value", "later")


def test_of_many_threads_that_ask_at_once_one_builds(built: Iterator[int]) -> None:
    memory: VersionedMemory[str, int] = VersionedMemory()
    together, gate = threading.Barrier(8), threading.Event()

    def build() -> int:
        gate.wait(0.2)  # the others have come to the same place meanwhile
        return next(built)

    def ask(_number: int) -> int:
        together.wait()
        return memory.of("a", build)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [1] * 8


def test_threads_at_different_versions_are_each_given_their_own() -> None:
    memory: VersionedMemory[int, list[int]] = VersionedMemory()
    together = threading.Barrier(4)

    def ask(version: int) -> set[int]:
        together.wait()
        return {memory.of(version, lambda: [version])[0] for _ in range(500)}

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, range(4))) == [{0}, {1}, {2}, {3}]
