import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from governance.messages.channels import Retry, retry_after, slack, webhook
from tests.governance.conftest import AT
from tests.governance.messages.sent_messages import to_slack, to_webhook


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True


@pytest.mark.parametrize("send", [to_slack, to_webhook])
def test_nobody_listening_is_no_ambiguous_end(send: Callable[[str], Any], closed_port: int) -> None:
    outcome = send(f"http://127.0.0.1:{closed_port}/hook")
    assert (type(outcome), outcome.ambiguous, outcome.channel_wide) == (Retry, False, True)


@pytest.mark.parametrize("send", [to_slack, to_webhook])
def test_silence_after_the_message_was_sent_is_an_ambiguous_end(
    send: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack, "TIMEOUT_S", 0.2)
    monkeypatch.setattr(webhook, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        outcome = send(f"http://127.0.0.1:{silent.getsockname()[1]}/hook")
    assert (type(outcome), outcome.ambiguous) == (Retry, True)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("0", timedelta()),
        ("30", timedelta(seconds=30)),
        ("Tue, 24 Nov 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("Tue, 24 Nov 2026 11:00:00 GMT", timedelta()),
        ("9" * 400, timedelta(hours=24)),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(header: str | None, wait: timedelta | None) -> None:
    assert retry_after(header, at=AT) == wait


@pytest.mark.parametrize(("status", "ambiguous"), [(429, False), (503, False), (500, True), (502, True), (504, True)])
def test_a_gateways_error_may_hide_that_the_message_arrived(
    httpserver: HTTPServer, status: int, ambiguous: bool
) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=status)
    for outcome in (to_slack(httpserver.url_for("/hook")), webhook.outcome(status, None, at=AT)):
        assert (type(outcome), outcome.ambiguous) == (Retry, ambiguous)


BROKEN_URLS = ["https://[::1", "https://hooks.slack.com:port/", "https://[oops]/", "http://", "", "https:///path"]


@pytest.mark.parametrize("url", BROKEN_URLS)
def test_what_only_looks_like_a_url_is_refused(url: str) -> None:
    assert slack.problem_with_url(url, allow_loopback=False)
    assert webhook.problem_with_url(url, allow_loopback=False) or url.startswith("https://hooks")
