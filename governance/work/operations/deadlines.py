"""Work that others can make slow, given up as a whole when its time is over."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

ResultT = TypeVar("ResultT")


class DeadlineOver(Exception):
    """Raised for who waits when the time is over, and inside the work as soon as it hears from its peer again."""


def within(seconds: float, work: Callable[[], ResultT], *, name: str) -> ResultT:
    """What `work` returns or raises, of a thread of its own, which is called `name`; DeadlineOver after `seconds`. The
    work has no connection to the database of its caller.
    """
    results: list[ResultT] = []
    problems: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as problem:  # noqa: BLE001  # it is raised again for who waits
            problems.append(problem)

    # Time-outs of sockets are for each reading, and a peer may send a byte before each of them ends.
    worker = threading.Thread(target=run, name=name, daemon=True)
    worker.start()
    worker.join(seconds)
    if results:
        return results[0]
    if problems:
        raise problems[0]
    if worker.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident), ctypes.py_object(DeadlineOver))
    raise DeadlineOver(f"no whole answer within {seconds:g} s")
