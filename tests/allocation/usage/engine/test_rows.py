import json

import pytest
from rest_framework.test import APIClient

from allocation.usage.models import UsageRecord
from allocation.usage.operations import records
from tests.allocation.usage.sent_bodies import counts, one, post

TEXTS = [
    "back\\slash",
    "\\N",
    "\\.",
    "tab?",
    "line\u2028separator",
    "next\u0085line",
    '"quoted"',
    "{}",
    "🦀",
    "%s",
    "a,b",
]


@pytest.mark.parametrize("few", [0, 100], ids=["copied", "inserted as JSON"])
@pytest.mark.parametrize("text", TEXTS)
def test_every_printable_text_is_stored_as_it_came(
    sender: APIClient, text: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "FEW", few)
    sent = one(
        id=text, source=text, provider=text, model=text, operation=text, task_id=text, session_id=text,
        attributes={"team": text, "b": "\\"},
    )  # fmt: skip
    assert counts(post(sender, json.dumps([sent]).encode())) == (1, 0, [])
    stored = UsageRecord.objects.get()
    names = ("event_id", "source", "provider", "model", "operation", "task_id", "session_id")
    assert {getattr(stored, name) for name in names} == {text}
    assert stored.attributes == {"team": text, "b": "\\"}
