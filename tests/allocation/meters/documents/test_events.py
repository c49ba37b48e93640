from typing import Any

import pytest

from governance.scopes.models import Scope


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tokens": {"input": 10, "cached_input": 5, "audio_input": 6}}, "tokens_inconsistent"),
        ({"tokens": {"input": 10, "cache_write": 5, "cache_write_1h": 6}}, "tokens_inconsistent"),
        ({"tokens": {"input": 10, "cached_input": 5, "cached_audio_input": 6}}, "tokens_inconsistent"),
        ({"tokens": {"output": 10, "reasoning": 5, "image_output": 6}}, "tokens_inconsistent"),
        ({"quantities": {"pages": 1}}, "unknown_value"),
        ({"quantities": {"page": -1}}, "out_of_range"),
        ({"quantities": {"page": "0.0000001"}}, "out_of_range"),
        ({"quantities": [1]}, "invalid_value"),
    ],
)
def test_parts_that_do_not_fit_are_refused(acme: Scope, client_of: Any, changes: dict[str, Any], code: str) -> None:
    from tests.allocation.usage.api.test_usage import fresh, post

    (rejected,) = post(client_of(acme), fresh(**changes)).json()["rejected"]
    assert rejected["code"] == code
