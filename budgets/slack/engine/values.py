"""What a button carries: to which channel the message went, which request it is about, and as it was shown."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from uuid import UUID

DIGEST = re.compile("[0-9a-f]{64}")
REQUEST_ID_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Named:
    channel: UUID
    request_id: int
    digest: str


def named_by(value: str) -> Named | None:
    """None for what no button of ours carries."""
    try:
        read = json.loads(value)
        channel, request_id, digest = UUID(read["channel"]), read["request"], read["digest"]
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    is_whole = type(request_id) is int and 0 < request_id <= REQUEST_ID_MAX
    return Named(channel, request_id, digest) if is_whole and DIGEST.fullmatch(str(digest)) else None
