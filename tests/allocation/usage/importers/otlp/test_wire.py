import gzip
import itertools
from contextlib import suppress
from typing import Any

import pytest
from rest_framework.test import APIClient

from allocation.usage.importers.incoming import MalformedBody
from allocation.usage.models import UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import Client
from tests.allocation.otlp_bodies import PROTOBUF
from tests.allocation.usage.importers.otlp.hostile import GOOD, MEGABYTE, field, post, read


@pytest.fixture
def sender(acme: Scope, client_of: Client, settings: Any) -> APIClient:
    settings.USAGE_BODY_BYTES_MAX = 2 * MEGABYTE
    return client_of(acme)


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 20, len(GOOD) // 2, len(GOOD) - 1])
def test_a_message_cut_off_takes_nothing(sender: APIClient, cut: int) -> None:
    answer = post(sender, GOOD[:cut], PROTOBUF)
    assert (answer.status_code, answer["Content-Type"]) == (400, PROTOBUF)
    assert b"malformed_protobuf: " in answer.content
    assert not UsageRecord.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xff" * 20, id="a number without end"),
        pytest.param(b"\x0b\x0c", id="a group"),
        pytest.param(b"\x02\x00", id="field number 0"),
        pytest.param(b"\x0a\xff\xff\xff\xff\x0f", id="longer than the body"),
        pytest.param(b'{"resourceSpans": []}', id="JSON"),
        pytest.param(field(1, field(2, field(2, field(9, field(1, b"\xff"))))), id="a name that is no UTF-8"),
        pytest.param(
            field(1, field(2, field(2, field(9, field(1, b"gen_ai.system") + field(2, b"\x0a\x02\xff\xfe"))))),
            id="a value that is no UTF-8",
        ),
        pytest.param(gzip.compress(GOOD), id="gzip that does not say so"),
    ],
)
def test_what_is_no_protobuf_is_refused_whole(sender: APIClient, body: bytes) -> None:
    answer = post(sender, GOOD + body, PROTOBUF)
    assert answer.status_code == 400
    assert not UsageRecord.objects.exists()


def test_fields_of_other_types_are_passed_over_as_unknown(sender: APIClient) -> None:
    """`spans` as a number, `trace_id` as a number, `start` as bytes: a later version of the format, for all we know."""
    odd = field(1, field(2, b"\x10\x07" + field(2, b"\x08\x07" + field(7, b"12345678"))))
    answer = post(sender, GOOD + odd, PROTOBUF)
    assert (answer.status_code, answer.content) == (200, b"")
    assert UsageRecord.objects.count() == 1


def test_no_flipped_bit_breaks_the_reader() -> None:
    for place, bit in itertools.product(range(len(GOOD)), range(8)):
        flipped = bytearray(GOOD)
        flipped[place] ^= 1 << bit
        with suppress(MalformedBody):
            assert len(read(bytes(flipped), "protobuf").events) <= 1
