from typing import Any

import pytest

from allocation.usage.engine.batches import batch_of
from allocation.usage.engine.costing import CostedRecord
from tests.allocation.usage.costed import costed

ONE, OTHER = costed(1).id, costed(2).id


def once(number: int, after_s: float = 0.0, **changes: Any) -> CostedRecord:
    return costed(number, after_s=after_s, identity="id", **changes)


@pytest.mark.parametrize(
    ("records", "kept", "unique_ids"),
    [
        pytest.param([costed(1), costed(1)], [(ONE, 0.0)], set(), id="told twice"),
        pytest.param([costed(1), costed(1, after_s=2)], [(ONE, 0.0), (ONE, 2.0)], set(), id="told anew is another"),
        pytest.param([once(1), once(1, 2)], [(ONE, 2.0)], {ONE}, id="an id that is used once: the last stands"),
        pytest.param([costed(1), once(1, 2), costed(1)], [(ONE, 0.0)], {ONE}, id="said of one, true of its repeats"),
        pytest.param([once(1, 1), costed(2, after_s=3), costed(2)],
                     [(ONE, 1.0), (OTHER, 0.0), (OTHER, 3.0)], {ONE}, id="others keep their instants"),
    ],
)  # fmt: skip
def test_each_identity_stands_once(
    records: list[CostedRecord], kept: list[tuple[str, float]], unique_ids: set[str]
) -> None:
    batch = batch_of(records)
    noon = costed().at_s
    assert [(record.id, record.at_s - noon) for record in batch.records] == sorted(kept)
    assert batch.unique_ids == unique_ids
