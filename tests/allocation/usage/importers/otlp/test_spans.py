import pytest
from rest_framework.test import APIClient

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.importers.otlp.reading import read_traces
from allocation.usage.models import UsageRecord
from tests.allocation.otlp_bodies import TRACE, as_json, chat, nanoseconds, request, span
from tests.allocation.usage.importers.otlp.read import PROMPT, post
from tests.allocation.usage.importers.parity import PAYLOAD, first_set, of_payloads, of_spans
from tests.allocation.usage.importers.test_litellm import everything_stored


def test_base64_and_hexadecimal_ids_name_the_same_span() -> None:
    plain = as_json(request(span(1, chat())))
    other = plain.replace(TRACE.encode(), b"W47/95gDgQPSabYzgT/GDA==").replace(b"0000000000000001", b"AAAAAAAAAAE=")
    first, second = (read_traces(body, encoding="json", records_max=9, price="catalogue") for body in (plain, other))
    assert first.events == second.events != []


def test_no_text_of_a_span_is_stored(sender: APIClient) -> None:
    told = chat(
        gen_ai__prompt=PROMPT, gen_ai__input__messages=PROMPT, gen_ai__tool__call__result=PROMPT, error__message=PROMPT,
    ) | {"gen_ai.prompt.0.content": PROMPT, "input.value": PROMPT}  # fmt: skip
    event = {"name": "exception", "timeUnixNano": "1", "attributes": [{"key": "m", "value": {"stringValue": PROMPT}}]}
    good = span(1, told, events=[event], name=PROMPT, status={"code": 1, "message": PROMPT})
    bad = span(2, {**told, "gen_ai.request.model": "", "gen_ai.response.model": ""}, events=[event])
    for protobuf in (False, True):
        answer = post(sender, request(good, bad, resource={"process.command_args": PROMPT}), protobuf=protobuf)
        assert answer.status_code == 200
        assert PROMPT.encode() not in answer.content
    assert (UsageRecord.objects.count(), QuarantinedUsage.objects.get().code) == (1, "invalid_value")
    assert PROMPT not in everything_stored()


@pytest.mark.parametrize("microsecond", range(0, 1_000_000, 40_009))
def test_every_microsecond_survives_a_float_of_nanoseconds(microsecond: int) -> None:
    start = 1795481345 + microsecond / 10**6
    told = {**PAYLOAD, "startTime": start, "endTime": start + 1}
    times = {"startTimeUnixNano": str(int(start * 1e9)), "endTimeUnixNano": str(int((start + 1) * 1e9))}
    (spans,) = of_spans(request(span(1, first_set(), **times))).values()
    (payloads,) = of_payloads([told]).values()
    assert (spans.occurred_at, spans.id, spans.other_ids) == (payloads.occurred_at, payloads.id, payloads.other_ids)
    assert nanoseconds(spans.occurred_at) == (1795481345 * 10**6 + microsecond) * 1000
