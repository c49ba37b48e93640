"""A row of LiteLLM's spend log is the event that the callback's payload of the same call is."""

import json
from typing import Any

import pytest

from allocation.usage.importers import litellm
from allocation.usage.importers.litellm_spend_log import incoming_of, native
from tests.allocation.usage.importers.test_litellm import PROMPT, payload


def row(**changes: Any) -> dict[str, Any]:
    """As the table has it, shortened to what is read plus what must not be."""
    return {
        "request_id": "chatcmpl-1", "litellm_call_id": "call-1", "session_id": "trace-1", "call_type": "acompletion",
        "cache_hit": "None", "status": "success", "custom_llm_provider": "openai", "model": "openai/gpt-4o",
        "startTime": "2026-11-24T01:09:45.072Z", "endTime": "2026-11-24T01:09:45.500Z", "spend": 0.01,
        "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100, "end_user": "ada@example.com",
        "request_tags": ["env:prod", "beta", "User-Agent: curl"], "team_id": None, "api_key": "", "user": "",
        "metadata": payload()["metadata"], "messages": PROMPT, "response": PROMPT, "proxy_server_request": PROMPT,
    } | changes  # fmt: skip


def test_a_row_is_the_payloads_event() -> None:
    wanted = litellm.native(payload(session_id=""), price="billed")
    told = native(row(), price="billed")
    assert (told.pop("id"), told.pop("other_ids")) == (
        wanted.pop("id"), ["call-1/1795482585500", "call-1/1795482585499"],
    )  # fmt: skip
    # The log cuts its instants to the millisecond.
    assert (told.pop("occurred_at"), told.pop("latency_ms")) == ("2026-11-24T01:09:45.072000+00:00", 428)
    del wanted["other_ids"], wanted["occurred_at"], wanted["latency_ms"]
    assert told == wanted
    assert PROMPT not in json.dumps(told)


def test_columns_of_json_may_be_text() -> None:
    as_text = row(request_tags=json.dumps(row()["request_tags"]), metadata=json.dumps(row()["metadata"]))
    assert native(as_text, price="catalogue") == native(row(), price="catalogue")


@pytest.mark.parametrize(
    ("changes", "field", "wanted"),
    [
        pytest.param({"status": "failure"}, "status", "error", id="a failure"),
        pytest.param({"status": None, "metadata": {"status": "failure"}}, "status", "error", id="said in the metadata"),
        pytest.param({"status": None}, "status", "success", id="an old log, which says nothing"),
        pytest.param({"cache_hit": "True"}, "cached_response", True, id="an answer from the cache"),
        pytest.param({"litellm_call_id": None}, "id", "chatcmpl-1", id="a log without call ids"),
        pytest.param({"litellm_call_id": None, "metadata": {"litellm_call_id": "call-1"}}, "id", "call-1/chatcmpl-1",
                     id="the call id in the metadata"),
        pytest.param({"startTime": "2026-11-24T01:09:45.072"}, "occurred_at", "2026-11-24T01:09:45.072000+00:00",
                     id="as PostgreSQL writes it, without a zone"),
        pytest.param({"metadata": "cut off: {"}, "tokens",
                     {"input": 1000, "cached_input": 0, "cache_write": 0, "output": 100, "reasoning": 0},
                     id="without metadata the totals stand"),
        pytest.param({"metadata": {"additional_usage_values": {"cache_read_input_tokens": 400}}}, "tokens",
                     {"input": 1000, "cached_input": 400, "cache_write": 0, "output": 100, "reasoning": 0},
                     id="parts beside the totals"),
        pytest.param({"team_id": "t-1", "metadata": {}}, "attributes",
                     {"team_id": "t-1", "tag.env": "prod", "tag.beta": "true"}, id="who called, from the columns"),
    ],
)  # fmt: skip
def test_ways_of_saying_it(changes: dict[str, Any], field: str, wanted: object) -> None:
    assert native(row(end_user="", **changes), price="billed")[field] == wanted


def test_what_is_no_row_is_refused() -> None:
    incoming = incoming_of([(3, "text"), (4, row()), (5, {})], price="billed", source="litellm")
    assert [(one.index, one.fault.code) for one in incoming.refused] == [(3, "not_an_object"), (5, "invalid_value")]
    assert incoming.indexes == [4]
