from typing import Any

import pytest

from governance.errors import DomainError, Invalid
from governance.messages.engine.sealing import is_current
from governance.messages.models import Channel
from governance.messages.operations import apply_channel, channel_secrets, plan_channel, rotate_secrets, save_channel
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.governance.conftest import AT, SYSTEM
from tests.governance.declared_documents import SLACK, channel
from tests.governance.messages.sent_messages import SECRET


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True


def test_a_channel_is_created_changed_and_left_alone(acme: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    document = channel(SLACK)
    with pytest.raises(DomainError, match="set this environment variable"):
        plan_channel(document, at=AT)
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/1")
    assert apply_channel(document, actor=SYSTEM, at=AT).action == "create"
    assert apply_channel(document, actor=SYSTEM, at=AT).action == "unchanged"
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/2")
    change = apply_channel(document, actor=SYSTEM, at=AT)
    assert (change.action, change.differences) == ("update", ("url changes",))
    assert channel_secrets(Channel.objects.get(name="finops")).url == "https://hooks.slack.com/services/2"


def test_a_channel_of_a_scope_that_is_not_there_is_refused(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/1")
    with pytest.raises(DomainError, match="names the scope acme"):
        apply_channel(channel(SLACK), actor=SYSTEM, at=AT)


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True


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
