import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
import time_machine
from pytest_httpserver import HTTPServer
from standardwebhooks.webhooks import Webhook
from werkzeug import Response

from governance.errors import Invalid
from governance.messages.channels import Envelope, Refused, Retry, Sent, email, retry_after, slack, webhook
from governance.messages.engine.sealing import SealBroken, is_current, seal, unseal
from governance.messages.models import Channel, Delivery
from governance.messages.operations import channel_secrets, queue_message, rotate_secrets, save_channel
from governance.messages.tasks import send_due_deliveries
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, Mailbox, Person, free_port, message

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
ENVELOPE = Envelope("0199-delivery", message(), AT)
REPEAT = Envelope("0199-delivery", message(), AT, possible_repeat=True)


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True


@pytest.fixture
def closed_port() -> int:
    return free_port()


def to_slack(url: str, envelope: Envelope = ENVELOPE, *, allow_loopback: bool = True) -> Any:
    return slack.send(envelope, url=url, allow_loopback=allow_loopback, at=AT)


def to_webhook(url: str, envelope: Envelope = ENVELOPE, *, allow_loopback: bool = True, at: datetime = AT) -> Any:
    return webhook.send(envelope, url=url, secret=SECRET, allow_loopback=allow_loopback, at=at)


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


def to_email(envelope: Envelope = ENVELOPE, to: tuple[str, ...] = ("fay@example.com",)) -> Any:
    return email.send(envelope, to=to, sender="Weir <weir@example.com>")


def test_an_email_carries_the_deliverys_id(mailbox: Mailbox) -> None:
    assert to_email() == Sent()
    (letter,) = mailbox.letters
    read = message_from_bytes(letter.content or b"", policy=default)
    assert letter.rcpt_tos == ["fay@example.com"]
    assert read["Message-ID"] == "<0199-delivery@example.com>"
    assert read["Subject"] == "Search is at 80 % of its budget"
    assert "Used: 80 %" in read.get_content()


def test_a_title_cannot_add_headers(mailbox: Mailbox) -> None:
    assert to_email(Envelope("id", message(title="a\r\nBcc: eve@example.com"), AT)) == Sent()
    assert mailbox.letters[0].rcpt_tos == ["fay@example.com"]


@pytest.mark.parametrize(
    ("rcpt", "data", "kind"),
    [
        ("550 no such user", "250 OK", Refused),
        ("450 greylisted", "250 OK", Retry),
        ("250 OK", "554 spam", Refused),
        ("250 OK", "451 try later", Retry),
    ],
)
def test_what_the_mail_server_answers_decides(mailbox: Mailbox, rcpt: str, data: str, kind: type) -> None:
    mailbox.rcpt, mailbox.data = rcpt, data
    outcome = to_email()
    assert isinstance(outcome, kind)
    assert mailbox.letters == []


def test_no_mail_server_is_no_ambiguous_end(mailbox: Mailbox, settings: Any, closed_port: int) -> None:
    settings.EMAIL_PORT = closed_port
    outcome = to_email()
    assert (type(outcome), outcome.ambiguous, outcome.channel_wide) == (Retry, False, True)


@time_machine.travel(AT)
def test_the_task_sends_one_slack_message_and_one_email_and_then_nothing(
    search: Scope, person: Person, mailbox: Mailbox, httpserver: HTTPServer
) -> None:
    person("ada@example.com", search)
    httpserver.expect_request("/hook").respond_with_data("ok")
    save_channel(scope=search, kind="slack", name="finops", url=httpserver.url_for("/hook"), actor=SYSTEM, at=AT)
    for address in ("owner", "slack:finops"):
        queue_message(address=address, scope_id=search.pk, dedup_key="a", message=message(link="/alerts/1"), at=AT)
    send_due_deliveries()
    send_due_deliveries()
    assert (len(httpserver.log), len(mailbox.letters)) == (1, 1)
    assert list(Delivery.objects.values_list("status", flat=True)) == ["sent", "sent"]
    slack_said = json.dumps(httpserver.log[0][0].get_json())
    assert str(Delivery.objects.get(channel__kind="slack").pk) in slack_said
    assert "http://localhost:8000/alerts/1" in slack_said


@time_machine.travel(AT)
def test_a_sender_that_fails_in_an_unforeseen_way_loses_nothing(search: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    save_channel(scope=search, kind="slack", name="finops", url="http://127.0.0.1:9/", actor=SYSTEM, at=AT)
    queue_message(address="slack:finops", scope_id=search.pk, dedup_key="a", message=message(), at=AT)
    monkeypatch.setattr(slack, "blocks", lambda _: 1 / 0)
    send_due_deliveries()
    kept = Delivery.objects.get()
    assert (kept.status, kept.attempts_count) == ("pending", 1)
    assert kept.last_error.startswith("ZeroDivisionError")


OLD, NEW = bytes(32), bytes(range(32))


def test_a_sealed_secret_opens_for_its_own_row_only() -> None:
    sealed = seal(b"secret", identity="channel:1", ring=[NEW])
    assert b"secret" not in sealed
    assert unseal(sealed, identity="channel:1", ring=[OLD, NEW]) == b"secret"
    spoiled = [
        sealed[:-1],
        sealed + b"x",
        sealed[:20],
        b"",
        b"\x02" + sealed[1:],
        bytes([sealed[0], *sealed[1:-1], sealed[-1] ^ 1]),
    ]
    for wrong, identity, ring in [
        (sealed, "channel:2", [NEW]), (sealed, "channel:1", [OLD]), (sealed, "channel:1", []),
        *((wrong, "channel:1", [NEW]) for wrong in spoiled),
    ]:  # fmt: skip
        with pytest.raises(SealBroken):
            unseal(wrong, identity=identity, ring=ring)
    with pytest.raises(SealBroken, match="WEIR_SECRET_KEYS"):
        seal(b"secret", identity="channel:1", ring=[])


def test_rotation_seals_anew_and_names_what_does_not_open(search: Scope, settings: Any) -> None:
    old, new = "A" * 43 + "=", "B" * 42 + "A="
    settings.WEIR_SECRET_KEYS = [old]
    channel = save_channel(scope=search, kind="slack", name="a", url="https://hooks.slack.com/x", actor=SYSTEM, at=AT)
    Channel.objects.create(scope=search, kind="slack", name="lost", sealed_secrets=b"\x01junk")
    settings.WEIR_SECRET_KEYS = [new, old]
    rotation = rotate_secrets(actor=SYSTEM, at=AT)
    assert (rotation.resealed, rotation.already_current, rotation.broken) == (1, 0, ("slack:lost",))
    settings.WEIR_SECRET_KEYS = [new]
    assert channel_secrets(Channel.objects.get(pk=channel.pk)).url == "https://hooks.slack.com/x"
    assert rotate_secrets(actor=SYSTEM, at=AT).already_current == 1


def test_a_channels_secrets_are_nowhere_in_the_clear(search: Scope) -> None:
    channel = save_channel(
        scope=search, kind="webhook", name="siem", url="https://siem.example.com/x", secret=SECRET, actor=SYSTEM, at=AT
    )
    stored = repr(Channel.objects.values().get(pk=channel.pk)) + repr(list(DecisionRecord.objects.values()))
    assert "siem.example.com" not in stored
    assert SECRET not in stored
    assert SECRET not in repr(channel_secrets(channel))
    assert is_current(bytes(channel.sealed_secrets), [bytes(range(32))])


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "slack", "url": "https://example.com/"},
        {"kind": "slack", "url": ""},
        {"kind": "webhook", "url": "http://example.com/", "secret": SECRET},
        {"kind": "webhook", "url": "https://example.com/", "secret": "short"},
        {"kind": "webhook", "url": "https://example.com/", "secret": "whsec_c2hvcnQ="},
        {"kind": "email", "to": ()},
        {"kind": "email", "name": "owners", "to": ("a@example.com",)},
    ],
)
def test_a_channel_that_could_never_deliver_is_refused(search: Scope, wrong: dict[str, Any]) -> None:
    before = Channel.objects.count()
    with pytest.raises(Invalid):
        save_channel(**{"scope": search, "name": "x", "actor": SYSTEM, "at": AT, **wrong})
    assert Channel.objects.count() == before
