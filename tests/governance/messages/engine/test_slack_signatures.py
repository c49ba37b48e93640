import hmac
from datetime import UTC, datetime, timedelta

import pytest

from governance.messages.engine.slack_signatures import is_signed

SECRET = "0123456789abcdef0123456789abcdef"
TIMESTAMP = "1531420618"
BODY = "payload=%7B%22type%22%3A%22block_actions%22%7D"
# Computed here as Slack documents it, so that nothing rests on one library alone.
SIGNATURE = f"v0={hmac.new(SECRET.encode(), f'v0:{TIMESTAMP}:{BODY}'.encode(), 'sha256').hexdigest()}"
AT = datetime.fromtimestamp(int(TIMESTAMP), tz=UTC)


def signed(**other: object) -> bool:
    given = {"body": BODY, "timestamp": TIMESTAMP, "signature": SIGNATURE, "secret": SECRET, "at": AT, **other}
    body = str(given.pop("body"))
    return is_signed(body, **given)  # type: ignore[arg-type]  # what a test changes is anything


def test_what_slack_signed_is_known_within_five_minutes() -> None:
    for minutes in (-5, 0, 5):
        assert signed(at=AT + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    "other",
    [
        {"at": AT + timedelta(minutes=5, seconds=1)},
        {"at": AT - timedelta(minutes=5, seconds=1)},
        {"body": f"{BODY}&text=more"},
        {"timestamp": "1531420619"},
        {"timestamp": ""},
        {"timestamp": "soon"},
        {"timestamp": "١٥٣١٤٢٠٦١٨"},
        {"timestamp": "9" * 5000},
        {"signature": ""},
        {"signature": SIGNATURE.replace("v0=", "v1=")},
        {"signature": "v0=é"},
        {"secret": "0123456789abcdef0123456789abcdee"},
        {"secret": ""},
    ],
)
def test_anything_else_is_not(other: dict[str, object]) -> None:
    assert not signed(**other)
