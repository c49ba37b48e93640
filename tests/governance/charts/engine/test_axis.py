from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise

import pytest

from governance.charts.engine.axis import CHARACTER, Tick, axis_of, day_label, day_labels, spaced
from governance.charts.engine.frame import Columns, Frame
from governance.charts.engine.scale import scale_of

FRAME = Frame(width=960, height=260, left=60, right=940, top=10, bottom=210)
LAST = date(2026, 11, 28)


def last_days(count: int) -> list[date]:
    return [LAST - timedelta(days=back) for back in reversed(range(count))]


def test_an_axis_has_its_values_its_names_and_its_line_of_0() -> None:
    labels = spaced(["before", "after"], Columns(FRAME, 2))
    axis = axis_of(scale_of([3000, -1000], FRAME), labels)
    assert axis.ticks == (
        Tick("210.0", "−1k"), Tick("160.0", "0"), Tick("110.0", "1k"), Tick("60.0", "2k"), Tick("10.0", "3k"),
    )  # fmt: skip
    assert axis.labels == (Tick("280.0", "before"), Tick("720.0", "after"))
    assert axis.zero_y == "160.0"


def test_few_days_have_a_label_each() -> None:
    assert [tick.label for tick in day_labels(last_days(3), Columns(FRAME, 3))] == ["26 Nov", "27 Nov", "28 Nov"]


def test_many_days_have_one_for_each_weekday_of_the_last() -> None:
    assert [tick.label for tick in day_labels(last_days(30), Columns(FRAME, 30))] == [
        "31 Oct", "7 Nov", "14 Nov", "21 Nov", "28 Nov",
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 7, 16, 27, 30, 90, 366, 1000])
@pytest.mark.parametrize("say", [day_label, date.isoformat], ids=["short", "long"])
def test_labels_do_not_run_into_each_other(count: int, say: Callable[[date], str]) -> None:
    ticks = spaced([say(day) for day in last_days(count)], Columns(FRAME, count))
    assert ticks[-1].label == say(LAST)
    assert all(float(after.at) - float(before.at) >= CHARACTER * len(after.label) for before, after in pairwise(ticks))


def test_no_columns_have_no_labels() -> None:
    assert day_labels([], Columns(FRAME, 0)) == ()
