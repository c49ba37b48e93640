"""Whether Slack has signed what came: HMAC-SHA256 by the app's signing secret, over version, time and body."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from slack_sdk.signature import Clock, SignatureVerifier

DIGITS_MAX = 12


@dataclass(frozen=True, slots=True)
class _At(Clock):
    at: datetime

    def now(self) -> float:
        return self.at.timestamp()


def is_signed(body: str, *, timestamp: str, signature: str, secret: str, at: datetime) -> bool:
    """Whether the app with this secret has signed the body, at a time within five minutes of `at`. `timestamp` is that
    of `X-Slack-Request-Timestamp`, `signature` that of `X-Slack-Signature`; both may be anything.
    """
    is_time = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= DIGITS_MAX
    if not secret or not is_time or not signature.isascii():
        return False
    return bool(SignatureVerifier(secret, clock=_At(at)).is_valid(body, timestamp, signature))
