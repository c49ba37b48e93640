"""Rows of a LiteLLM proxy's spend log, its table LiteLLM_SpendLogs, as the payloads that its callback posts: a row of a
call that callback or traces told of is a repeat, and a row of one that was lost repairs the loss.

A row holds no text of messages that is read here. As of LiteLLM 1.108.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from allocation.meters.documents import Fault
from allocation.sources.documents import PriceFrom
from allocation.usage.importers import litellm
from allocation.usage.importers.incoming import Incoming
from allocation.usage.importers.litellm import instant_of
from allocation.usage.importers.litellm_identity import identity_of_logged


def incoming_of(rows: Iterable[tuple[int, object]], *, price: PriceFrom, source: str) -> Incoming:
    """Rows with their positions, as native events."""
    incoming = Incoming()
    for index, row in rows:
        if isinstance(row, dict):
            incoming.take_data(index, native(row, price=price, source=source))
        else:
            incoming.refuse(index, Fault("not_an_object", "A row must be a JSON object."), row)
    return incoming


def native(row: Mapping[str, Any], *, price: PriceFrom, source: str = litellm.SOURCE) -> dict[str, Any]:
    """The row as a native usage event, priced as `litellm.native` does."""
    payload = payload_of(row)
    return litellm.native(payload, price=price, source=source) | identity_of_logged(
        call_id=payload["litellm_call_id"],
        request_id=payload["id"],
        ended_at=instant_of(row.get("endTime")),
        has_failed=payload["status"] != "success",
        is_cached=payload["cache_hit"],
    )


def payload_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The callback's payload as far as the row tells it."""
    metadata = _json(row.get("metadata"))
    metadata = dict(metadata) if isinstance(metadata, dict) else {}
    usage = metadata.get("usage_object") or metadata.get("additional_usage_values")
    totals = {name: row.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    return {
        **totals,
        "litellm_call_id": row.get("litellm_call_id") or metadata.get("litellm_call_id"),
        "id": row.get("request_id"),
        "startTime": row.get("startTime"),
        "endTime": row.get("endTime"),
        "custom_llm_provider": row.get("custom_llm_provider"),
        "model": row.get("model"),
        "model_group": row.get("model_group"),
        "call_type": row.get("call_type"),
        "status": "failure" if "failure" in {row.get("status"), metadata.get("status")} else "success",
        "cache_hit": str(row.get("cache_hit")).lower() == "true",
        "trace_id": row.get("session_id"),
        "metadata": {
            "user_api_key_team_id": row.get("team_id"),
            "user_api_key_hash": row.get("api_key"),
            "user_api_key_user_id": row.get("user"),
            "user_api_key_org_id": row.get("organization_id"),
            **{name: value for name, value in metadata.items() if value},
            "usage_object": {**totals, **usage} if isinstance(usage, dict) else {},
        },
        "end_user": row.get("end_user"),
        "request_tags": _json(row.get("request_tags")),
        "cost_breakdown": metadata.get("cost_breakdown"),
        "response_cost": row.get("spend"),
    }


def _json(value: object) -> object:
    """What a column of JSON holds, which some exports write as text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
