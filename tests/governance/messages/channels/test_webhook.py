from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks.webhooks import Webhook
from werkzeug import Response

from governance.messages.channels import Refused, Retry, Sent, webhook
from tests.governance.messages.sent_messages import SECRET, to_webhook


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True


def test_a_webhook_is_signed_and_carries_the_deliverys_id(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook", method="POST").respond_with_data("", status=204)
    now = datetime.now(UTC).astimezone(timezone(timedelta(hours=9)))
    assert to_webhook(httpserver.url_for("/hook"), at=now) == Sent()
    request = httpserver.log[0][0]
    assert request.headers["webhook-id"] == "0199-delivery"
    assert Webhook(SECRET).verify(request.get_data(), dict(request.headers)) == {
        "type": "alert.opened",
        "timestamp": "2026-11-24T12:00:00+00:00",
        "data": {
            "scope": "acme/search",
            "event_id": "alert-1-warning",
            "severity": "warning",
            "title": "Search is at 80 % of its budget",
            "text": "acme/search has used $80.00 of $100.00 <this month> & counting.",
            "link": "https://weir.example.com/alerts/1",
        },
    }
    assert "weir-possible-repeat" not in request.headers


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, Sent()),
        (429, {"Retry-After": "7"}, Retry("HTTP 429", timedelta(seconds=7), channel_wide=True)),
        (503, {}, Retry("HTTP 503", channel_wide=True)),
        (500, {}, Retry("HTTP 500", ambiguous=True)),
        (408, {}, Retry("HTTP 408")),
        (410, {}, Refused("HTTP 410")),
        (404, {}, Refused("HTTP 404")),
        (302, {"Location": "http://169.254.169.254/"}, Refused("HTTP 302: redirects are not followed")),
    ],
)
def test_what_a_webhooks_receiver_answers_decides(
    httpserver: HTTPServer, status: int, headers: dict[str, str], outcome: object
) -> None:
    httpserver.expect_request("/hook").respond_with_response(Response("", status=status, headers=headers))
    assert to_webhook(httpserver.url_for("/hook")) == outcome


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://0.0.0.0/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::7f00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
        "https://[fec0::1]/",
        "https://[2002:7f00:1::]/",
        "http://example.com/",
        "ftp://example.com/",
        "https://user:password@example.com/",
        "https:///nowhere",
        "gopher://127.0.0.1:6379/_",
    ],
)
def test_a_webhook_reaches_nothing_inside(url: str) -> None:
    assert isinstance(to_webhook(url, allow_loopback=False), Refused)


def test_loopback_allowed_does_not_open_the_rest_of_the_network() -> None:
    assert isinstance(to_webhook("https://10.0.0.1/"), Refused)
    assert isinstance(to_webhook("https://169.254.169.254/"), Refused)


def test_a_secret_of_other_letters_is_refused() -> None:
    assert webhook.problem_with_secret("sécret") == "a webhook secret is base64, with or without whsec_ before it"
