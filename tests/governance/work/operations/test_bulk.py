import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DataError, IntegrityError, transaction
from django.db.models import TextChoices
from psycopg import sql

from governance.messages.models import Channel, Delivery
from governance.scopes.models import Scope
from governance.work.models import DirtyScope, Heartbeat
from governance.work.operations.bulk import TAKEN_AT_ONCE, copy_rows, copy_values, insert_rows, json_text
from tests.governance.conftest import AT


def test_many_rows_go_in_with_one_statement(db: None) -> None:
    rows = [Heartbeat(name=f"b\\{number}\t\n", beat_at=AT, detail="'quoted', \\N") for number in range(300)]
    copy_rows(rows)
    assert set(Heartbeat.objects.values_list("name", "beat_at", "detail")) == {
        (row.name, AT, "'quoted', \\N") for row in rows
    }


def test_values_go_in_without_an_object_each_and_are_made_as_they_are_taken(search: Scope) -> None:
    awkward = 'a\\b\t"c"\n{},\\r\\N é'
    channel = Channel(scope=search, kind="email", name="x", to=[awkward])
    copy_rows([channel])
    count = 2 * TAKEN_AT_ONCE + 1
    same = {
        "channel": channel.pk, "to": [awkward], "status": "pending", "attempts_count": 0, "possible_repeats_count": 0,
        "next_attempt_at": AT, "created_at": AT, "leased_until": None, "last_error": "",
    }  # fmt: skip
    made = ((UUID(int=number), f"{number} {awkward}", {"number": number, "text": awkward}) for number in range(count))
    copy_values(Delivery, ("id", "dedup_key", "message"), made, same=same)
    assert {
        (row.pk.int, row.dedup_key, row.message["number"], row.message["text"]): (
            row.channel_id,
            row.to,
            row.created_at,
        )
        for row in Delivery.objects.all()
    } == {(number, f"{number} {awkward}", number, awkward): (channel.pk, [awkward], AT) for number in range(count)}


def test_values_that_are_refused_leave_nothing(db: None) -> None:
    names = ("name", "beat_at", "detail")
    with pytest.raises(IntegrityError), transaction.atomic():
        copy_values(Heartbeat, names, ((str(number % 400), AT, "") for number in range(401)), same={})
    assert not Heartbeat.objects.exists()


def test_nothing_to_copy_asks_nothing(db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        copy_rows([])
        copy_values(Heartbeat, ("name",), (), same={"beat_at": AT})
        insert_rows([])


def test_constraints_hold_and_the_error_is_djangos(search: Scope) -> None:
    copy_rows([DirtyScope(scope=search, dirty_since=AT)])
    with pytest.raises(IntegrityError), transaction.atomic():
        copy_rows([DirtyScope(scope=search, dirty_since=AT)])
    assert DirtyScope.objects.count() == 1


def test_every_kind_of_value_comes_back_as_it_was(search: Scope) -> None:
    awkward = 'a\\b\t"c"\n{},\r\\N é'
    channel = Channel(scope=search, kind="email", name="x", to=[awkward], sealed_secrets=b"\x00\\\xff")
    copy_rows([channel])
    rows = [
        Delivery(
            channel=channel,
            dedup_key=f"{number} {awkward}",
            to=[awkward],
            message={"text": awkward, "none": None, "number": 1.5, "true": True, "deep": [{"a": [1]}]},
            next_attempt_at=AT,
            created_at=AT,
        )
        for number in range(4)
    ]
    copy_rows(rows[:2])
    insert_rows(rows)

    (stored,) = Channel.objects.filter(pk=channel.pk)
    assert (stored.to, bytes(stored.sealed_secrets), stored.is_enabled) == ([awkward], b"\x00\\\xff", True)
    assert {row.pk: row for row in Delivery.objects.all()}.keys() == {row.pk for row in rows}
    for row in Delivery.objects.all():
        (given,) = (one for one in rows if one.pk == row.pk)
        assert {field.name: getattr(row, field.attname) for field in Delivery._meta.concrete_fields} == {
            field.name: getattr(given, field.attname) for field in Delivery._meta.concrete_fields
        }


def test_what_is_there_stays_or_is_replaced_as_asked(search: Scope) -> None:
    beats = [Heartbeat(name=name, beat_at=AT, detail="old") for name in ("a", "b")]
    insert_rows(beats)
    insert_rows([Heartbeat(name="a", beat_at=AT, detail="new"), Heartbeat(name="c", beat_at=AT, detail="new")])
    assert dict(Heartbeat.objects.values_list("name", "detail")) == {"a": "old", "b": "old", "c": "new"}
    replaced = sql.SQL("ON CONFLICT (name) DO UPDATE SET detail = EXCLUDED.detail")
    insert_rows([Heartbeat(name="a", beat_at=AT, detail="new")], on_conflict=replaced)
    assert dict(Heartbeat.objects.values_list("name", "detail")) == {"a": "new", "b": "old", "c": "new"}


def test_what_no_text_can_hold_is_refused_as_data(search: Scope) -> None:
    for insert in (copy_rows, insert_rows):
        with pytest.raises((DataError, ValueError)), transaction.atomic():
            insert([Heartbeat(name="a\0b", beat_at=AT, detail="")])


class _Words(TextChoices):
    WARM = "wärm"


AWKWARD: list[Any] = [
    {"deep": [{"a": [1, 2.5, 1e-7, None, True]}, ("x",)], "1": 'a\\b\t"c"\n\x01 é '},
    {"word": _Words.WARM, 7: "a key that is no text"},
    {"large": 2**70, "none": None},
    [],
    "text",
    0.1,
]


@pytest.mark.parametrize("value", AWKWARD)
def test_json_is_what_the_standard_library_writes(value: Any) -> None:
    assert json.loads(json_text(value)) == json.loads(json.dumps(value))


def test_json_of_what_the_encoder_knows_is_the_encoders() -> None:
    assert json_text({"at": AT, "exact": Decimal("1.50")}, encoder=DjangoJSONEncoder) == json.dumps(
        {"at": AT, "exact": Decimal("1.50")}, cls=DjangoJSONEncoder
    )
    with pytest.raises(TypeError):
        json_text({"at": AT})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused_and_does_not_become_nothing(search: Scope, number: float) -> None:
    channel = Channel(scope=search, kind="email", name="x", to=[])
    copy_rows([channel])
    made = Delivery(channel=channel, dedup_key="a", message={"deep": [{"x": number}]}, next_attempt_at=AT)
    made.created_at = AT
    for insert in (copy_rows, insert_rows):
        with pytest.raises(DataError), transaction.atomic():
            insert([made])
