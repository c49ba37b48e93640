import pytest

from allocation.usage.engine.back_pressure import is_slowing, pause_s


@pytest.mark.parametrize(
    ("behind_s", "pause"), [(-3.0, 0.0), (0.0, 0.0), (0.5, 0.0), (0.75, 0.25), (1.5, 1.0), (3600.0, 1.0)]
)
def test_a_sender_waits_as_long_as_the_fold_is_behind_and_no_longer_than_a_second(
    behind_s: float, pause: float
) -> None:
    assert pause_s(behind_s) == pause
    assert is_slowing(behind_s) is (pause > 0)
