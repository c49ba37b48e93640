import pytest

from allocation.meters.engine.activity import NAMED_OPERATIONS, activity_of, operations_of

ACTIVITIES = ("inference", "retrieval", "orchestration", "training")


@pytest.mark.parametrize(
    ("operation", "activity"),
    [
        ("chat", "inference"),
        ("Chat", "inference"),
        ("acompletion", "inference"),
        ("embeddings", "retrieval"),
        ("aembedding", "retrieval"),
        ("agent", "orchestration"),
        ("execute_tool", "orchestration"),
        ("fine_tuning", "training"),
        ("a", "other"),
        ("", "other"),
        ("telepathy", "other"),
    ],
)
def test_an_operation_is_of_an_activity(operation: str, activity: str) -> None:
    assert activity_of(operation) == activity


def test_the_operations_of_an_activity_are_those_that_lead_to_it() -> None:
    for activity in ACTIVITIES:
        found = operations_of(activity)
        assert found
        assert {activity_of(name) for name in found} == {activity}
    assert operations_of("other") == frozenset()


def test_every_named_operation_is_of_one_activity() -> None:
    assert sorted(NAMED_OPERATIONS) == sorted(name for activity in ACTIVITIES for name in operations_of(activity))
