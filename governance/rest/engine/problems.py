"""The body of every error: problem+json (RFC 9457) with a stable `code`."""

from __future__ import annotations

CONTENT_TYPE = "application/problem+json"
TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    413: "Body too large",
    415: "Unsupported media type",
    422: "Not valid",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}


def problem(*, status: int, code: str, detail: str, instance: str = "", **extra: object) -> dict[str, object]:
    """The body of a problem; `extra` members never override the standard ones."""
    standard = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
        "instance": instance,
    }
    return {**extra, **standard}
