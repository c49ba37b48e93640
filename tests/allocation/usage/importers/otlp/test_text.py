import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from allocation.quarantine.models import QuarantinedUsage
from allocation.usage.importers.otlp.reading import read_traces
from allocation.usage.models import UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import Client
from tests.allocation.otlp_bodies import as_json, chat, request, span
from tests.allocation.usage.importers.otlp.hostile import MEGABYTE, ODD, nested, post
from tests.allocation.usage.importers.otlp.read import TEXTS

JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS),
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@pytest.mark.long
@given(st.dictionaries(TEXTS, JSON_VALUES, max_size=4), st.sampled_from([None, 0, 3]))
def test_whatever_else_the_json_holds_its_spans_are_found(around: dict[str, Any], indent: int | None) -> None:
    body = request(span(1, chat()), {**around, **span(2, chat())})
    (resource_spans,) = body["resourceSpans"]
    (scope_spans,) = resource_spans["scopeSpans"]
    placed = {
        **around,
        "resourceSpans": [
            {
                **around,
                "scopeSpans": [{**around, "spans": scope_spans["spans"]}],
                "resource": resource_spans["resource"],
            }
        ],
    }
    for found in (body, placed):
        raw = json.dumps(found, indent=indent, ensure_ascii=indent is None).encode("utf-8", "surrogatepass")
        incoming = read_traces(raw, encoding="json", records_max=9, price="catalogue")
        assert [(event.id[-1], (event.attributes or {})["service"]) for event in incoming.events] == [
            ("1", "shop"), ("2", "shop"),
        ]  # fmt: skip


@pytest.fixture
def sender(acme: Scope, client_of: Client, settings: Any) -> APIClient:
    settings.USAGE_BODY_BYTES_MAX = 2 * MEGABYTE
    return client_of(acme)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"", "body_empty", id="nothing"),
        pytest.param(b"  \n", "body_empty", id="space"),
        pytest.param(b"[]", "malformed_json", id="an array"),
        pytest.param(b'"text"', "malformed_json", id="a text"),
        pytest.param(b"{", "malformed_json", id="an opening"),
        pytest.param(b"{}{}", "malformed_json", id="two objects"),
        pytest.param(b'{"resourceSpans"}', "malformed_json", id="a name without a value"),
        pytest.param(b'{"resourceSpans": 7}', "malformed_json", id="a number for a list"),
        pytest.param(b'{"resourceSpans": {}}', "malformed_json", id="an object for a list"),
        pytest.param(b'{"resourceSpans": [7]}', "malformed_json", id="a number for a resource"),
        pytest.param(b'{"resourceSpans": [{}}', "malformed_json", id="brackets that cross"),
        pytest.param(nested("[7]"), "malformed_json", id="a number for a span"),
        pytest.param(nested('[{"name": nul}]'), "malformed_json", id="a span that is no JSON"),
        pytest.param(nested('[{"name": "open}]'), "malformed_json", id="a text that does not end"),
        pytest.param(nested('[{"a": ' + '"\\"' * 9999 + "}]"), "malformed_json", id="quotes and none to end them"),
        pytest.param(nested("[" * 500 + "]" * 500), "json_too_deep", id="nested 500 deep"),
        pytest.param(b'{"a":' * 100_000 + b"}" * 100_000, "json_too_deep", id="nested 100,000 deep"),
        pytest.param(b"\xff\xfe{}", "unicode_invalid", id="not UTF-8"),
    ],
)
def test_what_is_no_otlp_json_is_refused_whole(sender: APIClient, body: bytes, code: str) -> None:
    answer = post(sender, body)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["code"] == code
    assert answer.json()["message"].startswith(f"{code}: ")
    assert not UsageRecord.objects.exists()


@pytest.mark.parametrize(
    "name",
    ["traceId", "spanId", "parentSpanId", "kind", "startTimeUnixNano", "endTimeUnixNano", "status", "attributes"],
)
def test_a_wrong_type_in_some_spans_holds_back_no_other(sender: APIClient, name: str) -> None:
    spans = [{**span(number, chat()), name: odd} for number, odd in enumerate(ODD, start=2)]
    answer = post(sender, as_json(request(*spans, span(1, chat()))))
    assert answer.status_code == 200, answer.content
    assert UsageRecord.objects.filter(event_id__endswith="1").exists()
    refused = {"traceId", "spanId", "startTimeUnixNano"}
    # A wrong kind, end, status, parent or list of attributes is none; nothing is told without attributes.
    taken = 1 if name in {*refused, "attributes"} else 1 + len(ODD)
    assert (UsageRecord.objects.count(), QuarantinedUsage.objects.exists()) == (taken, name in refused)


def test_duplicate_names_are_all_read(sender: APIClient) -> None:
    first, second = (json.dumps(request(span(number, chat()))["resourceSpans"]) for number in (1, 2))
    body = f'{{"resourceSpans": {first}, "other": null, "resourceSpans": {second}, "resourceSpans": null}}'
    assert post(sender, body.encode()).json() == {}
    assert UsageRecord.objects.count() == 2
