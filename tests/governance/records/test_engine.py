from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from governance.records.engine import START, ChainCheck, ChainedRecord, Head, check_chain, hash_of

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def chain(length: int) -> list[ChainedRecord]:
    records: list[ChainedRecord] = []
    previous = START
    for seq in range(1, length + 1):
        unhashed = ChainedRecord(
            seq=seq, decided_at=AT, actor="weir", user_id=None, key_id=None, action="test.say", scope_id=None,
            scope_path="", subject=f"test:{seq}", reason="because", evidence="{}", previous_hash=previous, hash="",
        )  # fmt: skip
        records.append(replace(unhashed, hash=hash_of(unhashed)))
        previous = records[-1].hash
    return records


def test_a_whole_chain_holds() -> None:
    records = chain(3)
    head = Head(3, records[-1].hash)
    assert check_chain(records) == ChainCheck(3, head)
    assert check_chain(records, expected=head) == ChainCheck(3, head)
    assert check_chain(records, expected=Head(2, records[1].hash)) == ChainCheck(3, head)
    assert check_chain([]) == ChainCheck(0, None)


def test_the_first_that_is_wrong_is_named_with_the_head_before_it() -> None:
    first, second, third = chain(3)
    kept = Head(1, first.hash)
    assert check_chain([first, third]) == ChainCheck(1, kept, 3, "record 2 is missing")
    assert check_chain([second, third]) == ChainCheck(0, None, 2, "record 1 is missing")
    assert check_chain([first, replace(second, previous_hash=START), third]) == ChainCheck(
        1, kept, 2, "the record does not follow the one before it"
    )
    assert check_chain([first, replace(second, reason="another"), third]) == ChainCheck(
        1, kept, 2, "the record was changed after it was written"
    )


def test_a_head_kept_elsewhere_must_be_met() -> None:
    records = chain(2)
    head = Head(2, records[-1].hash)
    assert check_chain(records[:1], expected=head) == ChainCheck(
        1, Head(1, records[0].hash), 2, "the chain ends before the expected head"
    )
    assert check_chain(records, expected=Head(2, "a" * 64)) == ChainCheck(
        2, head, 2, "the record differs from the expected head"
    )
    assert check_chain([], expected=head) == ChainCheck(0, None, 2, "the chain ends before the expected head")


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 2},
        {"decided_at": AT + timedelta(microseconds=1)},
        {"actor": "wei", "action": "rtest.say"},
        {"user_id": 1},
        {"key_id": 1},
        {"action": "test.said"},
        {"scope_id": 1},
        {"scope_path": "acme"},
        {"subject": "test:2"},
        {"reason": ""},
        {"evidence": '{"a": 1}'},
        {"previous_hash": "a" * 64},
    ],
    ids=str,
)
def test_the_hash_covers_every_field_and_where_each_ends(change: dict[str, object]) -> None:
    [record] = chain(1)
    assert hash_of(replace(record, **change)) != record.hash  # type: ignore[arg-type]


def test_the_hash_is_of_the_instant_and_not_of_its_time_zone() -> None:
    [record] = chain(1)
    elsewhere = AT.astimezone(timezone(timedelta(hours=9)))
    assert hash_of(replace(record, decided_at=elsewhere)) == record.hash


def test_nobody_and_a_nobody_of_no_letters_are_two() -> None:
    [record] = chain(1)
    assert hash_of(replace(record, user_id=None)) != hash_of(replace(record, user_id=0))


def test_a_head_is_written_and_read() -> None:
    head = Head(7, "0123456789abcdef" * 4)
    assert Head.parse(str(head)) == head


@pytest.mark.parametrize("text", ["", "7", "7:abc", f"7:{'g' * 64}", f"x:{'a' * 64}", f"7:{'A' * 64}"])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # ours, or that of a sequence that is no number
        Head.parse(text)
