from datetime import timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from governance.messages.channels import Envelope, Refused, Retry, Sent, slack
from tests.governance.conftest import AT, message
from tests.governance.messages.sent_messages import to_slack

REPEAT = Envelope("0199-delivery", message(), AT, possible_repeat=True)


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True


def test_slack_gets_blocks_with_the_deliverys_id(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/T/B/x", method="POST").respond_with_data("ok")
    assert to_slack(httpserver.url_for("/T/B/x"), REPEAT) == Sent()
    payload = httpserver.log[0][0].get_json()
    assert [block["type"] for block in payload["blocks"]] == ["header", "section", "section", "section", "context"]
    assert payload["blocks"][0]["text"]["text"] == "Search is at 80 % of its budget"
    assert "&lt;this month&gt; &amp; counting" in payload["blocks"][1]["text"]["text"]
    assert payload["blocks"][4]["elements"][0]["text"] == "Weir · 0199-delivery · possibly sent before"
    assert payload["text"].startswith("Search is at 80 %")


def test_slacks_limits_are_kept() -> None:
    long = message(title="t" * 500, text="&" * 9000, fields=tuple(("n", "v" * 9000) for _ in range(20)))
    header, section, fields, *_ = slack.blocks(Envelope("id", long, AT))
    assert len(header["text"]["text"]) == 150
    assert len(section["text"]["text"]) <= 3000
    assert (len(fields["fields"]), max(len(field["text"]) for field in fields["fields"])) <= (10, 2000)


@pytest.mark.parametrize(
    ("status", "headers", "answer", "outcome"),
    [
        (
            429,
            {"Retry-After": "30"},
            "rate_limited",
            Retry("429 rate_limited", timedelta(seconds=30), channel_wide=True),
        ),
        (503, {}, "later", Retry("503 later", channel_wide=True)),
        (404, {}, "no_service", Refused("404 no_service")),
        (410, {}, "channel_is_archived", Refused("410 channel_is_archived")),
        (400, {}, "invalid_payload", Refused("400 invalid_payload")),
    ],
)
def test_what_slack_answers_decides(
    httpserver: HTTPServer, status: int, headers: dict[str, str], answer: str, outcome: object
) -> None:
    httpserver.expect_request("/hook").respond_with_data(answer, status=status, headers=headers)
    assert to_slack(httpserver.url_for("/hook")) == outcome
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/services/x",
        "https://hooks.slack.com.evil.example/x",
        "https://evil.example/hooks.slack.com",
        "https://hooks.slack.com@evil.example/x",
        "https://user@hooks.slack.com/x",
        "https://hooks.slack.com:8443/x",
        "file:///etc/passwd",
        "",
        "http://127.0.0.1/x",
        "http://localhost/x",
        "http://[::1]/x",
    ],
)
def test_slack_messages_go_to_slack_only(url: str) -> None:
    assert isinstance(to_slack(url, allow_loopback=False), Refused)
