"""One call, told by a LiteLLM proxy's callback, its traces and its spend log, is one record; two calls are two."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from allocation.usage.importers.litellm_identity import identity_of, identity_of_logged

END = datetime(2026, 11, 20, 9, 30, 15, 123_987, tzinfo=UTC)
# As the spend log has it: cut, or rounded.
CUT, ROUNDED = END.replace(microsecond=123_000), END.replace(microsecond=124_000)


def told(call: object = "c-1", response: object = "resp-1", after_ms: float = 0, **flags: bool) -> dict[str, Any]:
    """As callback and traces tell it."""
    ended_at = END + timedelta(milliseconds=after_ms)
    return identity_of(
        call_id=call, response_id=response, ended_at=ended_at, **{"has_failed": False, "is_cached": False, **flags}
    )


def logged(
    call: object, request: object, *, ended_at: datetime = CUT, after_s: int = 0, **flags: bool
) -> dict[str, Any]:
    """As a row of the spend log tells it."""
    ended_at += timedelta(seconds=after_s)
    return identity_of_logged(
        call_id=call, request_id=request, ended_at=ended_at, **{"has_failed": False, "is_cached": False, **flags}
    )


def are_one(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one["id"] == other["id"] or one["id"] in other["other_ids"] or other["id"] in one["other_ids"]


FAILED = {"has_failed": True}
CACHED = {"is_cached": True}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(told(), told(), id="told twice"),
        pytest.param(told(), told(after_ms=40), id="a response with clocks that differ"),
        pytest.param(told(), told(response=None), id="messages redacted, so without the response's id"),
        pytest.param(told(response="c-1"), told(response=None), id="an embedding has no id but the call's"),
        pytest.param(told(response="r" * 400), told(response="r" * 400), id="a response id longer than a name"),
        pytest.param(told(response="c-1", **FAILED), told(response=None, **FAILED), id="a failure"),
        pytest.param(told(response="resp-1_cache_hit1795841024.97", **CACHED), told(**CACHED), id="a cached answer"),
        pytest.param(told(), logged("c-1", "resp-1"), id="its row in the log"),
        pytest.param(told(), logged(None, "resp-1"), id="its row, of a log without call ids"),
        pytest.param(told(response=None), logged("c-1", "resp-1"), id="redacted, and its row"),
        pytest.param(told(response=None), logged("c-1", "resp-1", ended_at=ROUNDED), id="and its row, rounded"),
        pytest.param(told(response="c-1"), logged("c-1", "c-1"), id="an embedding's row"),
        pytest.param(told(response="c-1"), logged("c-1", "c-1", ended_at=ROUNDED), id="an embedding's row, rounded"),
        pytest.param(told(response="c-1"), logged(None, "c-1"), id="an embedding's row, without call ids"),
        pytest.param(told(response=None, **FAILED), logged("c-1", "c-1", after_s=9, has_failed=True),
                     id="the row of a request whose attempts failed"),
        pytest.param(told(response=None, **FAILED), logged(None, "c-1", after_s=9, has_failed=True),
                     id="the same without call ids"),
        pytest.param(told(**CACHED), logged("c-1", "resp-1_cache_hit1795841029.1", **CACHED),
                     id="a cached answer's row"),
        pytest.param(told(**CACHED), logged(None, "resp-1_cache_hit1795841029.1", **CACHED),
                     id="a cached answer's row, without call ids"),
        pytest.param(told(call=None), told(call=None), id="a payload of long ago, without call id"),
        pytest.param(told(call=None), logged(None, "resp-1"), id="and its row"),
    ],
)  # fmt: skip
def test_one_call(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert are_one(one, other)
    assert are_one(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(told(response=None, **FAILED), told(after_ms=700), id="a failed attempt and its retry"),
        pytest.param(told(response=None, **FAILED), told(response=None, after_ms=700, **FAILED), id="two that failed"),
        pytest.param(told(response=None, **FAILED), told(response="c-1", after_ms=700), id="an embedding retried"),
        pytest.param(told(), told(response="resp-2", after_ms=9), id="a caller that gives its calls one id"),
        pytest.param(told(response=None), told(response=None, after_ms=9), id="the same without response ids"),
        pytest.param(told(), told(call="c-2", after_ms=9), id="a provider that gives its responses one id"),
        pytest.param(told(), told(call="c-2", after_ms=9, **CACHED), id="an answer, and again from the cache"),
        pytest.param(told(call="c-2", **CACHED), told(call="c-3", **CACHED), id="two answers from the cache"),
        pytest.param(told(), logged("c-2", "resp-2"), id="another call's row"),
        pytest.param(
            logged(None, "resp-1"),
            logged(None, "resp-1_cache_hit1795841029.1", **CACHED),
            id="the rows of an answer, and of it from the cache",
        ),
        pytest.param(told(response=None, **FAILED), logged("c-1", "resp-1", after_s=2), id="the row of the retry"),
    ],
)
def test_two_calls(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert not are_one(one, other)


@pytest.mark.parametrize("stated", [None, 7, ["c-1"]])
def test_what_names_no_call_is_left_to_be_refused(stated: object) -> None:
    nameless = told(call=stated, response=None)
    assert nameless == {"id": stated}
    assert logged(stated, None) == {"id": stated}
