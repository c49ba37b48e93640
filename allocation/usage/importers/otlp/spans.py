"""What is read of a span in either encoding. Attributes that are not named here are never decoded, so that no text of a
prompt or an answer leaves the body.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from allocation.usage.importers.otlp import names

Scalar = str | int | float | bool
NO_ATTRIBUTES: Mapping[str, Scalar] = {}
TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8
NANOSECONDS_MAX = 2**64
# A longer attribute holds somebody's text, not a name or a number.
ATTRIBUTE_BYTES_MAX = 64 * 1024
# SDKs stop at 128; any further attributes of a span are not read.
ATTRIBUTES_MAX = 2_000
OWN_PREFIX = "weir."
LITELLM_CALL_ID = "litellm.call_id"
# LiteLLM's own names for the caller, under two prefixes.
LITELLM_METADATA = (
    "user_api_key_team_alias", "team_alias", "user_api_key_team_id", "team_id", "user_api_key_alias",
    "user_api_key_hash", "user_api_key_org_alias", "user_api_key_org_id", "user_api_key_project_alias",
    "user_api_key_project_id", "user_api_key_end_user_id", "user_api_key_user_id",
)  # fmt: skip
_OF_LITELLM = frozenset(f"{prefix}{name}" for name in LITELLM_METADATA for prefix in ("metadata.", "litellm.metadata."))
_READ = names.ALL | _OF_LITELLM | frozenset(
    {
        "gen_ai.operation.name", "gen_ai.agent.name", "gen_ai.agent.id", "gen_ai.tool.name", "gen_ai.workflow.name",
        "gen_ai.data_source.id", "error.type", "service.name", "deployment.environment.name", "deployment.environment",
        # LiteLLM, both of its attribute sets.
        LITELLM_CALL_ID, "litellm.call_type", "litellm.provider.model", "litellm.cost.total", "gen_ai.cost.total_cost",
        "gen_ai.cost.service_tier", "hidden_params", "llm.request.type", "llm.user", "litellm.team.alias",
        "litellm.team.id", "litellm.api_key.hash", "litellm.end_user.id", "metadata.usage_object",
        "metadata.requester_metadata", "metadata.user_api_key_auth_metadata",
    }
)  # fmt: skip
_READ_BEHIND = (OWN_PREFIX, *names.PREFIXES)


@dataclass(frozen=True, slots=True)
class Span:
    """A span as far as usage needs it. `index` is its position among all spans of the request. Ids are hexadecimal,
    empty when missing; times in nanoseconds since 1970. `instrumentation` is the name of the scope that made it.
    """

    index: int
    trace_id: str
    span_id: str
    parent_id: str
    is_client: bool
    has_failed: bool
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, Scalar]
    resource: Mapping[str, Scalar]
    instrumentation: str = ""


def is_read(name: str) -> bool:
    """Whether the attribute is read at all."""
    return name in _READ or name.startswith(_READ_BEHIND)


def identifier(value: object, size: int) -> str:
    """A trace or span id in hexadecimal, empty when invalid. OTLP's JSON writes it so, protobuf's own JSON in base64;
    the lengths differ, so that the two are never confused.
    """
    if not isinstance(value, str):
        return ""
    try:
        octets = bytes.fromhex(value) if len(value) == 2 * size else base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return ""
    return known_identifier(octets, size)


def known_identifier(value: bytes, size: int) -> str:
    """In hexadecimal; empty for the wrong size and for all zeros, which mean no id."""
    return value.hex() if len(value) == size and any(value) else ""


def instant(nanoseconds: int) -> str | None:
    """ISO 8601, rounded to the microsecond, as the database stores it. LiteLLM passes its clock's microseconds through
    a float of nanoseconds, which is off by up to 250 ns; rounding restores them. None for an impossible time.
    """
    if not 0 < nanoseconds < NANOSECONDS_MAX:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds(nanoseconds))).isoformat()


def microseconds(nanoseconds: int) -> int:
    """Rounded to the nearest one."""
    return (nanoseconds + 500) // 1000
