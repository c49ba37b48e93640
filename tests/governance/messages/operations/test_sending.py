import json
from typing import Any

import pytest
import time_machine
from pytest_httpserver import HTTPServer

from governance.messages.channels import slack
from governance.messages.models import Delivery
from governance.messages.operations import queue_message, save_channel
from governance.messages.tasks import send_due_deliveries
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM, Mailbox, Person, message


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True


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
