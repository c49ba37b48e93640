import threading
from collections.abc import Sequence

import pytest

from allocation.usage.operations import Gathering
from allocation.usage.operations import gathering as gathering_module

PATIENCE_S = 20


class Work:
    """Doubles each number; the first group is held until it is let go. A negative number is refused."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun, self.released = threading.Event(), threading.Event()

    def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.groups.append(list(numbers))
        self.begun.set()
        assert self.released.wait(PATIENCE_S)
        if 13 in numbers:
            raise ArithmeticError
        return [2 * number if number >= 0 else ValueError(number) for number in numbers]


def done(gathering: Gathering[int, int], work: Work, numbers: Sequence[int]) -> dict[int, object]:
    """What became of each number: the first comes alone, the others while it is done."""
    results: dict[int, object] = {}

    def do(number: int) -> None:
        try:
            results[number] = gathering.do(number)
        except Exception as problem:  # noqa: BLE001  # compared below
            results[number] = type(problem)

    threads = [threading.Thread(target=do, args=(number,)) for number in numbers]
    threads[0].start()
    assert work.begun.wait(PATIENCE_S)
    for thread in threads[1:]:
        thread.start()
    while gathering.waiting() < len(numbers) - 1:
        threading.Event().wait(0.001)
    work.released.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    return results


def test_nobody_waits_for_company() -> None:
    work = Work()
    work.released.set()
    gathering = Gathering(work, size_max=10)
    assert [gathering.do(1), gathering.do(2)] == [2, 4]
    assert work.groups == [[1], [2]]


def test_what_comes_meanwhile_is_done_together_and_each_hears_of_its_own() -> None:
    work = Work()
    assert done(Gathering(work, size_max=10), work, [1, 2, 3, 4]) == {1: 2, 2: 4, 3: 6, 4: 8}
    assert [sorted(group) for group in work.groups] == [[1], [2, 3, 4]]


def test_what_is_wrong_with_one_is_raised_for_it_alone() -> None:
    work = Work()
    assert done(Gathering(work, size_max=10), work, [1, -2, 3]) == {1: 2, -2: ValueError, 3: 6}


def test_what_fails_as_a_whole_is_raised_for_all_of_the_group_and_the_next_goes_on() -> None:
    work = Work()
    gathering = Gathering(work, size_max=10)
    assert done(gathering, work, [1, 13, 3]) == {1: 2, 13: ArithmeticError, 3: ArithmeticError}
    assert gathering.do(4) == 8


@pytest.mark.parametrize(("size_max", "sizes"), [(1, [1, 1, 1, 1, 1]), (2, [1, 2, 2]), (3, [1, 3, 1])])
def test_a_group_has_a_largest_size(size_max: int, sizes: list[int]) -> None:
    work = Work()
    assert done(Gathering(work, size_max=size_max), work, [1, 2, 3, 4, 5]) == {1: 2, 2: 4, 3: 6, 4: 8, 5: 10}
    assert [len(group) for group in work.groups] == sizes


def test_those_of_the_last_group_are_waited_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight senders, each of which sends again as soon as it is answered: they stay together."""
    monkeypatch.setattr(gathering_module, "AGAIN_S", 0.3)
    groups: list[int] = []

    def work(numbers: Sequence[int]) -> list[int | Exception]:
        groups.append(len(numbers))
        threading.Event().wait(0.02)
        return list(numbers)

    gathering = Gathering(work, size_max=10)
    threads = [threading.Thread(target=lambda: [gathering.do(number) for number in range(10)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sum(groups) == 80
    assert len(groups) < 20
