"""Work of many threads done in groups: what comes while one group is done makes the next."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

# How long after a group the next one waits for those of it to come again, and how often it looks.
AGAIN_S = 0.003
LOOK_S = 0.0005
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
    """Does the items of concurrent threads together, in one of these threads; who comes while others are done is done
    with the next group. Within 3 ms of a group's end the next one waits for as many as came then: senders that wait for
    an answer come again at once, and would otherwise fall into two halves. A sender that comes alone waits for nobody.
    `work` returns for each item its result, or the exception to raise in its thread; what it raises itself is raised in
    all. A group holds at most `size_max` items.
    """

    def __init__(self, work: Callable[[Sequence[ItemT]], Sequence[ResultT | BaseException]], *, size_max: int) -> None:
        self._work = work
        self._size_max = size_max
        self._lock = threading.Lock()
        self._queue: deque[_Waiting[ItemT, ResultT]] = deque()
        self._is_led = False
        # How many the next group may hope for until when.
        self._expected, self._until = 0, 0.0

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
        while len(self._queue) < self._expected and time.monotonic() < self._until:
            time.sleep(LOOK_S)
        with self._lock:
            group = [self._queue.popleft() for _ in range(min(len(self._queue), self._size_max))]
        try:
            results: Sequence[ResultT | BaseException] = self._work([waiting.item for waiting in group])
        except BaseException as problem:  # noqa: BLE001  # raised again in each thread
            results = [problem] * len(group)
        with self._lock:
            successor = self._queue[0] if self._queue else None
            self._is_led = successor is not None
            self._expected = min(len(group) + len(self._queue), self._size_max)
            self._until = time.monotonic() + AGAIN_S
            if successor is not None:
                successor.leads = True
        # Before those who only answer: the database waits for it.
        if successor is not None:
            successor.woken.release()
        for waiting, result in zip(group, results, strict=True):
            waiting.result = result
            if waiting is not group[0]:
                waiting.woken.release()
