from typing import Any

import pytest
from rest_framework.test import APIClient

from allocation.usage.importers.otlp.litellm import parsed_repr
from allocation.usage.models import UsageRecord
from governance.scopes.models import Scope
from tests.allocation.conftest import Client
from tests.allocation.otlp_bodies import TRACE, as_json, request, span
from tests.allocation.usage.importers.parity import SPANS, first_set, of_spans


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': [1, None, True], \"it's\": 'a \"b\" \\n \\u00e9', 'd': {'e': -1.5}}", {
            "a": [1, None, True], "it's": 'a "b" \n é', "d": {"e": -1.5},
        }),
        ("{'a': datetime.datetime(2026, 1, 1)}", {}),
        ("{'cut': 'off", {}),
        ("[1, 2]", {}),
        ("{'a': __import__('os').getcwd()}", {}),
        ("{'a': " + "[" * 20_000 + "]" * 20_000 + "}", {}),
        ("{'a': '\\x'}", {}),
        ("", {}),
        (7, {}),
    ],
)  # fmt: skip
def test_what_python_prints_is_read_without_running_it(text: object, value: dict[str, Any]) -> None:
    assert parsed_repr(text) == value


def test_a_call_without_a_session_belongs_to_its_trace() -> None:
    attributes = first_set(**{"metadata.requester_metadata": "None"})
    assert [event.task_id for event in of_spans(request(span(1, attributes))).values()] == [TRACE]


def test_a_usage_text_that_was_cut_off_is_replaced_by_the_counts_beside_it(acme: Scope, client_of: Client) -> None:
    """SDKs limit the length of attributes."""
    cut = first_set(**{"metadata.usage_object": "{'prompt_tokens': 10", "gen_ai.usage.input_tokens": 1000})
    sender: APIClient = client_of(acme)
    assert sender.generic("POST", SPANS, as_json(request(span(1, cut))), "application/json").status_code == 200
    assert UsageRecord.objects.get().input_tokens == 1000
