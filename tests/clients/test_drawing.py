"""A lease drawn down in memory: exact, by many threads, never beyond what was leased nor after its time."""

import threading
import time
from decimal import Decimal

import pytest

from weir_client import DrawDown, amount_of, nanos_of


def drawn_down(amount: str, *, lasts_s: float = 60) -> DrawDown:
    draw_down = DrawDown()
    draw_down.allow(nanos_of(amount), time.monotonic() + lasts_s)
    return draw_down


@pytest.mark.parametrize("amount", ["0", "0.000000001", "12.5", "999999999999999.999999999", 7, Decimal("0.10")])
def test_amounts_are_exact(amount: str | int | Decimal) -> None:
    assert amount_of(nanos_of(amount)) == Decimal(amount)


def test_an_amount_that_is_finer_than_amounts_are_is_refused() -> None:
    with pytest.raises(ValueError, match="nine decimal places"):
        nanos_of("0.0000000001")


def test_no_more_is_drawn_than_there_is() -> None:
    draw_down = drawn_down("1")
    assert [draw_down.draw(nanos_of("0.4")) for _ in range(3)] == [True, True, False]
    assert draw_down.draw(nanos_of("0.2"))
    draw_down.put_back(nanos_of("0.3"))
    draw_down.overdraw(nanos_of("0.5"))
    assert (draw_down.left, draw_down.drawn) == (0, nanos_of("1.2"))
    draw_down.allow(nanos_of("3"), time.monotonic() + 60)
    assert draw_down.left == nanos_of("1.8")
    for wrong in (lambda: draw_down.draw(-1), lambda: draw_down.put_back(-1), lambda: draw_down.put_back(10**10)):
        with pytest.raises(ValueError, match="drawn"):
            wrong()


def test_nothing_is_drawn_once_its_time_is_over() -> None:
    assert drawn_down("1", lasts_s=-1).draw(1) is False
    draw_down = drawn_down("1")
    draw_down.draw(nanos_of("0.25"))
    assert draw_down.end() == nanos_of("0.25")
    assert (draw_down.draw(1), draw_down.left) == (False, 0)


def test_many_threads_draw_exactly_what_there_is() -> None:
    draw_down, won = drawn_down("1"), list[int]()

    def draw() -> None:
        won.append(sum(draw_down.draw(nanos_of("0.0003")) for _ in range(1_000)))

    threads = [threading.Thread(target=draw) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(won) == 3333
    assert draw_down.left == nanos_of("0.0001")
