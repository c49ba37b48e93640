"""Request bodies: read up to a limit, unpacked and checked before they are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest, UnreadablePostError
from rest_framework.parsers import JSONParser

from governance.rest.engine.json_bodies import BadBody, parse_json, too_large, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel
    from rest_framework.request import Request


@dataclass(frozen=True, slots=True)
class OneOrMany:
    """In `request=`: a body that is one document of this kind, or an array of them."""

    document: type[BaseModel]


def read_body(request: HttpRequest | Request, max_bytes: int) -> bytes:
    """The whole body, unpacked, with never more than `max_bytes` in memory; the declared length is checked first.

    BodyTooLarge; BadBody (`body_incomplete`, `malformed_gzip`, `unsupported_content_encoding`).
    """
    claimed = request.META.get("CONTENT_LENGTH") or "0"
    if claimed.isdecimal() and int(claimed) > max_bytes:
        raise too_large(max_bytes)
    try:
        body: bytes = request.read(max_bytes + 1)
    except (OSError, UnreadablePostError) as broken:
        raise BadBody("The connection broke before the body was complete.", code="body_incomplete") from broken
    if len(body) > max_bytes:
        raise too_large(max_bytes)
    return unpacked(body, request.META.get("HTTP_CONTENT_ENCODING", ""), max_bytes)


class GuardedJSONParser(JSONParser):
    """The default parser: `read_body` and `parse_json`, at most WEIR_COMMAND_BODY_BYTES_MAX."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        del media_type, parser_context
        limit: int = settings.COMMAND_BODY_BYTES_MAX
        if isinstance(stream, HttpRequest):
            return parse_json(read_body(stream, limit))
        body: bytes = stream.read(limit + 1)
        if len(body) > limit:
            raise too_large(limit)
        return parse_json(body)
