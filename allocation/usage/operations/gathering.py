"""Work of many threads done in groups: what comes while one group is done makes the next."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class _Waiting(Generic[ItemT, ResultT]):
    __slots__ = ("item", "leads", "result", "woken")

    def __init__(self, item: ItemT) -> None:
        self.item = item
        self.result: ResultT | BaseException | None = None
        self.leads = False
        # Held until there is a result, or until its thread is to lead; an Event costs several times as much.
        self.woken = threading.Lock()
        self.woken.acquire()


class Gathering(Generic[ItemT, ResultT]):
    """Does the items of concurrent threads together, in one of these threads: nobody waits for company, and who comes
    while others are done is done with the next group. `work` returns for each item its result, or the exception to
    raise in its thread; what it raises itself is raised in all. A group holds at most `size_max` items.
    """

    def __init__(self, work: Callable[[Sequence[ItemT]], Sequence[ResultT | BaseException]], *, size_max: int) -> None:
        self._work = work
        self._size_max = size_max
        self._lock = threading.Lock()
        self._queue: deque[_Waiting[ItemT, ResultT]] = deque()
        self._is_led = False

    def do(self, item: ItemT) -> ResultT:
        """The item's own result, once the group it was done with is done."""
        own: _Waiting[ItemT, ResultT] = _Waiting(item)
        with self._lock:
            self._queue.append(own)
            own.leads = not self._is_led
            self._is_led = True
        if not own.leads:
            own.woken.acquire()
        if own.leads:
            self._lead()
        if isinstance(own.result, BaseException):
            raise own.result
        return own.result  # type: ignore[return-value]  # set by whoever led

    def waiting(self) -> int:
        """How many items wait for a group of theirs."""
        return len(self._queue)

    def _lead(self) -> None:
        """Does the group at the head of the queue, in which the caller's item is the first, and names a successor."""
        with self._lock:
            group = [self._queue.popleft() for _ in range(min(len(self._queue), self._size_max))]
        try:
            results: Sequence[ResultT | BaseException] = self._work([waiting.item for waiting in group])
        except BaseException as problem:  # noqa: BLE001  # raised again in each thread
            results = [problem] * len(group)
        with self._lock:
            successor = self._queue[0] if self._queue else None
            self._is_led = successor is not None
            if successor is not None:
                successor.leads = True
        # Before those who only answer: the database waits for it.
        if successor is not None:
            successor.woken.release()
        for waiting, result in zip(group, results, strict=True):
            waiting.result = result
            if waiting is not group[0]:
                waiting.woken.release()
