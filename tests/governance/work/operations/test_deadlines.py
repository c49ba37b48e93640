import threading

import pytest

from governance.work.operations import DeadlineOver, within


def test_what_is_returned_or_raised_in_time_is_so_for_who_waits() -> None:
    assert within(30, lambda: threading.current_thread().name, name="delivery 7") == "delivery 7"
    with pytest.raises(ZeroDivisionError):
        within(30, lambda: 1 // 0, name="work")


def test_work_that_takes_too_long_is_given_up_and_ends() -> None:
    ended, goes_on = threading.Event(), threading.Event()

    def work() -> None:
        try:
            while not goes_on.wait(0.01):
                pass
        except DeadlineOver:
            ended.set()
            raise

    with pytest.raises(DeadlineOver, match=r"no whole answer within 0\.05 s"):
        within(0.05, work, name="work")
    assert ended.wait(30)
