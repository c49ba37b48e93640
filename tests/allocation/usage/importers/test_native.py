import tracemalloc
from typing import Any

import pytest
from rest_framework.test import APIClient

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.importers.litellm import read_payloads
from allocation.usage.importers.native import read_json, read_ndjson
from allocation.usage.models import UsageRecord
from governance.errors import DomainError
from tests.allocation.usage.sent_bodies import MEGABYTE, counts, fresh, post


@pytest.mark.long
@pytest.mark.parametrize(
    ("reader", "body"),
    [
        pytest.param(read_json, b"[" + b"1," * 500_000 + b"1]", id="an array of numbers"),
        pytest.param(read_json, b"[" + b"{}," * 300_000 + b"{}]", id="an array of empty objects"),
        pytest.param(read_ndjson, b"1\n" * 500_000, id="lines of one character"),
        pytest.param(read_ndjson, b"\n" * MEGABYTE, id="empty lines only"),
        pytest.param(
            lambda body, records_max: read_payloads(body, records_max=records_max, price="billed"),
            b"[" + b"[]," * 300_000 + b"[]]",
            id="payloads that are lists",
        ),
    ],
)
def test_a_megabyte_of_nothing_takes_a_few_megabytes(reader: Any, body: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(DomainError):
        reader(body, records_max=1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MEGABYTE


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"\xef\xbb\xbf%s\n%s", "application/x-ndjson", id="a byte order mark before lines"),
        pytest.param(b"\xef\xbb\xbf[%s,%s]", "application/json", id="a byte order mark before an array"),
        pytest.param(b"%s\r\n\r\n  \r\n%s\r\n", "application/x-ndjson", id="CRLF and blank lines"),
        pytest.param(b" \r\n[ %s \n,\t%s ]\n ", "application/json; charset=utf-8", id="space, and a charset"),
        pytest.param(b"[%s,%s]", "", id="no content type"),
        pytest.param(b"%s\n%s", "Application/X-NDJSON", id="capitals"),
    ],
)
def test_every_usual_writing_of_two_records_is_two_records(sender: APIClient, body: bytes, kind: str) -> None:
    assert counts(post(sender, body % (fresh(), fresh()), kind=kind)) == (2, 0, [])


@pytest.mark.parametrize(
    "body", [b"[1,]", b"[1 2]", b"[1", b"[", b"[]x", b"{}x", b"nul", b'{"a":1', b"[{}}", b"\xff", b"[,]"]
)
def test_what_is_not_json_is_refused_whole(sender: APIClient, body: bytes) -> None:
    answer = post(sender, fresh()[:0] + body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert not UsageRecord.objects.exists()


def test_an_error_at_the_end_of_an_array_takes_nothing(sender: APIClient) -> None:
    assert post(sender, b"[" + fresh() + b"," + fresh() + b",").status_code == 400
    assert not UsageRecord.objects.exists()
    assert not QuarantinedUsage.objects.exists()
