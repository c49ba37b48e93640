from datetime import datetime
from typing import Any

from governance.messages.channels import Envelope, slack, webhook
from tests.governance.conftest import AT, message

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"


ENVELOPE = Envelope("0199-delivery", message(), AT)


def to_slack(url: str, envelope: Envelope = ENVELOPE, *, allow_loopback: bool = True) -> Any:
    return slack.send(envelope, url=url, allow_loopback=allow_loopback, at=AT)


def to_webhook(url: str, envelope: Envelope = ENVELOPE, *, allow_loopback: bool = True, at: datetime = AT) -> Any:
    return webhook.send(envelope, url=url, secret=SECRET, allow_loopback=allow_loopback, at=at)
