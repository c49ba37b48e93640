"""What identifies a call of a LiteLLM proxy, whoever tells of it: its callback, its traces or its spend log.

They share the call id, which retries and fallbacks share too and which a caller may give in a header, so that it alone
is no identity. What else they know differs:

* The callback and the first attribute set know the response id, where the provider gives one, and the instant of the
  end.
* The second attribute set has a start of its own, and no response id where messages are redacted.
* The spend log has the response id, else the call id, as `request_id`, and instants to the millisecond, cut by one
  version and rounded by another. Of a request whose attempts all failed it has one row, with an end of its own.

So a call has the id that most of them know, and as other ids those by which the rest may tell of it. LiteLLM 1.108.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from allocation.meters.documents import fitted

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
# What LiteLLM adds to the response id of an answer from its cache: the time, in each place another.
_CACHE_HIT = re.compile(r"_cache_hit[0-9.]*$")
# An id that a provider makes of what it keeps for itself may have hundreds of characters, and a caller's own any.
_LENGTH_MAX = 80


def identity_of(
    *, call_id: object, response_id: object, ended_at: datetime | None, has_failed: bool, is_cached: bool
) -> dict[str, Any]:
    """The fields `id`, `identity` and `other_ids` of a call as callback and traces tell of it; ids that are no texts
    are left for the event's schema to refuse.
    """
    call, response = _known(call_id), _known(response_id)
    if not (call or response):
        return {"id": call_id or response_id}
    base = call or response
    if has_failed:
        return _named(_ending(f"{base}/failure", ended_at), f"{base}/failure")
    if is_cached:
        # The response has the id of the call that it was first an answer to.
        return _named(_ending(base, ended_at), _ending(response, ended_at))
    if call and response and response != call:
        return _named(f"{call}/{response}", _ending(call, ended_at), response)
    return _named(_ending(base, ended_at), base)


def identity_of_logged(
    *, call_id: object, request_id: object, ended_at: datetime | None, has_failed: bool, is_cached: bool
) -> dict[str, Any]:
    """As `identity_of`, for a row of the spend log. LiteLLM writes the call id there since August 2026. Without it the
    request id has to do, which some providers use more than once.
    """
    call, request = _known(call_id), _known(request_id)
    if not (call or request):
        return {"id": call_id or request_id}
    base = call or request
    if has_failed:
        return _named(f"{base}/failure")
    if not call and not is_cached:
        return _named(request)
    before = None if ended_at is None else ended_at - MILLISECOND
    ends = (_ending(base, ended_at), _ending(base, before))
    return _named(f"{call}/{request}", *ends) if request not in {"", base} and not is_cached else _named(*ends)


def _named(name: str, *others: str) -> dict[str, Any]:
    return {"id": name, "identity": "id", "other_ids": [other for other in others if other not in {"", name}]}


def _known(stated: object) -> str:
    """Without the mark of an answer from the cache, and as much as fits into a name; empty for no text."""
    return fitted(_CACHE_HIT.sub("", stated), _LENGTH_MAX) if isinstance(stated, str) else ""


def _ending(name: str, at: datetime | None) -> str:
    """With the end in whole milliseconds since 1970; the name alone where it is not stated."""
    return f"{name}/{(at - EPOCH) // MILLISECOND}" if name and at is not None else name
