from decimal import Decimal

import pytest

from policies.guardrails.engine.series import SeriesError, parse_series


@pytest.mark.parametrize(
    ("written", "samples"),
    [
        pytest.param("700+50x3", [700, 750, 800, 850], id="a start and three steps up"),
        pytest.param("3-1x3", [3, 2, 1, 0], id="three steps down"),
        pytest.param("500x2", [500, 500, 500], id="a start and two repeats"),
        pytest.param("1 2.5 -3", [1, "2.5", -3], id="single numbers"),
        pytest.param("950 _x2 7 _", [950, None, None, 7, None], id="missing samples"),
        pytest.param("0.1+0.1x2", ["0.1", "0.2", "0.3"], id="tenths add up"),
    ],
)
def test_series_are_read_as_promtool_reads_them(written: str, samples: list[object]) -> None:
    assert parse_series(written) == tuple(None if one is None else Decimal(str(one)) for one in samples)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        pytest.param("", "empty", id="nothing"),
        pytest.param("7+x3", "`7\\+x3` is not a sample", id="a step without a number"),
        pytest.param("seven", "`seven` is not a sample", id="a word"),
        pytest.param("1x99999", "at most 10,000", id="too many"),
        pytest.param("NaN", "is not a sample", id="not a number"),
    ],
)
def test_what_cannot_be_read_says_what_can(written: str, message: str) -> None:
    with pytest.raises(SeriesError, match=message):
        parse_series(written)
