"""What a channel's document may say is what a channel can be, and what a guardrail may write to."""

import pytest
from pydantic import TypeAdapter, ValidationError

from governance.documents import DocumentError
from governance.messages.documents import CHANNEL_TYPES
from governance.messages.models import ChannelKind
from policies.guardrails.documents.guardrail import Address
from tests.governance.declared_documents import SLACK, channel


def test_every_kind_of_channel_can_be_declared() -> None:
    assert list(CHANNEL_TYPES) == ChannelKind.values


@pytest.mark.parametrize("address", ["owner", *(f"{kind}:on-call" for kind in ChannelKind.values)])
def test_a_guardrail_may_write_to_every_kind(address: str) -> None:
    assert TypeAdapter(Address).validate_python(address) == address


@pytest.mark.parametrize("address", ["pager:on-call", "slack", "owner:slack", "slack:"])
def test_a_guardrail_may_not_write_to_what_is_no_channel(address: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Address).validate_python(address)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  url: {env: SLACK_WEBHOOK_URL}\n", ""),
        ("{env: SLACK_WEBHOOK_URL}", "https://hooks.slack.com/services/secret"),
        ("type: slack", "type: webhook"),
        ("type: slack", "type: email"),
        ("type: slack", "type: pager"),
        ("type: slack", "type: slack\n  to: [a@example.com]"),
        ("name: finops", "name: Fin Ops"),
    ],
)
def test_a_channel_that_makes_no_sense_is_refused(old: str, new: str) -> None:
    with pytest.raises(DocumentError):
        channel(SLACK.replace(old, new))
