from typing import Any

import pytest

from allocation.usage.engine.batches import batch_of
from allocation.usage.engine.costing import CostedRecord
from tests.allocation.usage.costed import costed

ONE, OTHER, THIRD = (costed(number).id for number in (1, 2, 3))


def once(number: int, after_s: float = 0.0, **changes: Any) -> CostedRecord:
    return costed(number, after_s=after_s, identity="id", **changes)


@pytest.mark.parametrize(
    ("records", "kept"),
    [
        pytest.param([costed(1), costed(1)], [(ONE, 0.0)], id="told twice"),
        pytest.param([costed(1), costed(1, after_s=2)], [(ONE, 0.0), (ONE, 2.0)], id="told anew is another"),
        pytest.param([once(1), once(1, 2)], [(ONE, 2.0)], id="an id that is used once: the last stands"),
        pytest.param([costed(1), once(1, 2), costed(1)], [(ONE, 2.0)], id="said of one, true of its repeats"),
        pytest.param([once(1, 1), costed(2, after_s=3), costed(2)],
                     [(ONE, 1.0), (OTHER, 0.0), (OTHER, 3.0)], id="others keep their instants"),
        pytest.param([once(1, other_ids=["2"]), once(2, 1)], [(OTHER, 1.0)], id="an id that is another's other id"),
        pytest.param([once(2), once(1, 1, other_ids=["2"])], [(ONE, 1.0)], id="an other id that is another's id"),
        pytest.param([once(1, other_ids=["9"]), once(2, other_ids=["9"])], [(ONE, 0.0), (OTHER, 0.0)],
                     id="an other id of two names neither"),
    ],
)  # fmt: skip
def test_each_identity_stands_once(records: list[CostedRecord], kept: list[tuple[str, float]]) -> None:
    noon = costed().at_s
    assert [(record.id, record.at_s - noon) for record in batch_of(records).records] == sorted(kept)


def test_every_name_is_remembered_also_of_what_is_told_again() -> None:
    told = [once(1, other_ids=["2", "3"]), once(2, other_ids=["4"]), costed(5)]
    assert batch_of(told).names.keys() == {costed(number).id for number in (1, 2, 3, 4)}


@pytest.mark.parametrize(
    ("ids", "known", "kept"),
    [
        pytest.param(set(), set(), {ONE, OTHER}, id="nothing was told"),
        pytest.param({ONE}, {ONE}, {OTHER}, id="its id was told"),
        pytest.param(set(), {ONE}, {OTHER}, id="its id was another's other id"),
        pytest.param({THIRD}, {THIRD}, {OTHER}, id="its other id was told as an id"),
        pytest.param(set(), {THIRD}, {ONE, OTHER}, id="its other id was told as one"),
    ],
)
def test_what_was_told_before_falls_away(ids: set[str], known: set[str], kept: set[str]) -> None:
    batch = batch_of([once(1, other_ids=["3"]), costed(2)])
    assert {record.id for record in batch.without_known(ids=ids, known=known)} == kept
