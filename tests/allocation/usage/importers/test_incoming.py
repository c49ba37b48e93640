import pytest
from rest_framework.test import APIClient

from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.usage.importers.incoming import RECORD_BYTES_MAX
from allocation.usage.models import UsageRecord
from tests.allocation.conftest import SYSTEM
from tests.allocation.usage.sent_bodies import NOW, counts, fresh, post


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
def test_a_record_of_many_unknown_fields_is_refused_unread_beside_a_good_one(sender: APIClient, kind: str) -> None:
    record = b"{" + b",".join(b'"k%06d":1' % number for number in range(20_000)) + b"}"
    body = record + b"\n" + fresh() if kind.endswith("ndjson") else b"[" + record + b"," + fresh() + b"]"
    assert len(record) > RECORD_BYTES_MAX
    assert counts(post(sender, body, kind=kind)) == (1, 0, [(0, "record_too_large")])
    assert QuarantinedUsage.objects.get().payload is None


@pytest.mark.parametrize("number", ["1e999", "-1e999", "Infinity", "NaN"])
def test_a_number_json_cannot_hold_is_refused_alone(sender: APIClient, number: str) -> None:
    odd = fresh(tokens={"input": 7}).replace(b'"input": 7', b'"input": ' + number.encode())
    accepted, _, rejected = counts(post(sender, b"[" + odd + b"," + fresh() + b"]"))
    assert (accepted, len(rejected)) == (1, 1)
    assert QuarantinedUsage.objects.get().payload["tokens"] == {"input": {"replaced": "number"}}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "Infinity", "NaN"])
def test_a_latency_json_cannot_hold_is_left_out(sender: APIClient, number: str) -> None:
    odd = fresh(latency_ms=7).replace(b'"latency_ms": 7', b'"latency_ms": ' + number.encode())
    assert counts(post(sender, odd)) == (1, 0, [])
    assert UsageRecord.objects.values_list("latency_ms", "mended").get() == (None, "latency_ms")


@pytest.mark.parametrize("depth", range(500, 1001, 20))
def test_no_depth_of_nesting_breaks_the_reader(sender: APIClient, depth: int) -> None:
    deep = "[" * depth + "]" * depth
    answers = [
        post(sender, f'[{{"id": {deep}}}]'.encode()),
        post(sender, f'{{"id": {deep}}}'.encode(), kind="application/x-ndjson"),
        post(sender, f'[{{"litellm_call_id": {deep}}}]'.encode(), path="usage/litellm"),
        post(sender, f"[{deep}]".encode(), path="usage/litellm"),
    ]
    assert {answer.status_code for answer in answers} <= {200, 400, 422}


def test_a_text_that_cannot_be_kept_is_not_replayed_as_another(sender: APIClient) -> None:
    """Replayed as `call?`, the record would have an identity that its sender never gave it."""
    body = b"[%s,%s]" % (fresh(id="call\0"), fresh(source="x" * 501))
    assert counts(post(sender, body))[:2] == (0, 0)
    assert replay_quarantined(actor=SYSTEM, at=NOW).accepted == 0
