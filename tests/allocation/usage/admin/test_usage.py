import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils.html import strip_tags

from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.people.models import User
from governance.scopes.models import Scope
from tests.allocation.admin_people import signed_in
from tests.allocation.conftest import AT, event
from tests.allocation.usage.traced import spans_of, tell


def test_an_event_that_came_with_two_times_has_a_page(acme: Scope) -> None:
    for minutes in (0, 1):
        record_usage(
            events=[event(id="same", occurred_at=AT - timedelta(minutes=minutes))], key_scope_id=acme.pk, at=AT
        )
    (identity,) = set(UsageRecord.objects.values_list("pk", flat=True))
    root = signed_in(User.objects.create_superuser("root@example.com", "a long password"))
    assert root.get(f"/admin/allocation/usagerecord/{identity}/change/").status_code == 200
    assert root.get("/admin/allocation/usagerecord/nonsense/change/").status_code == 302


def test_each_of_them_is_led_to_by_its_instant(acme: Scope, root: Client) -> None:
    instants = [AT - timedelta(minutes=minutes) for minutes in (0, 1, 2)]
    for occurred_at in instants:
        record_usage(events=[event(id="same", occurred_at=occurred_at)], key_scope_id=acme.pk, at=AT)
    (identity,) = set(UsageRecord.objects.values_list("pk", flat=True))
    page = f"/admin/allocation/usagerecord/{identity}/change/"
    listed = root.get("/admin/allocation/usagerecord/").content.decode()
    assert re.findall(rf'href="({page}[^"]*)"', listed) == [
        f"{page}?{urlencode({'occurred': occurred_at.isoformat()})}" for occurred_at in instants
    ]
    for asked, answered in [
        *(({"occurred": occurred_at.isoformat()}, occurred_at) for occurred_at in instants),
        ({}, AT), ({"occurred": "2026-01-01T00:00:00Z"}, AT), ({"occurred": "2026-13-01"}, AT),
        ({"occurred": "2026-11-24T12:30:30"}, AT),
    ]:  # fmt: skip
        assert root.get(page, asked).context["original"].occurred_at == answered
    assert root.get(page, {"occurred": "2026-13-01T00:00:00Z"}).status_code == 302


@pytest.fixture
def root() -> Client:
    return signed_in(User.objects.create_superuser("root@example.com", "a long password"))


def page_of(root: Client, record: UsageRecord) -> str:
    answer = root.get(f"/admin/allocation/usagerecord/{record.pk}/change/")
    return " ".join(strip_tags(answer.content.decode()).split())


def test_a_record_says_what_its_emitter_never_states(acme: Scope, root: Client) -> None:
    told = {"event_id": f"{2:032x}-outer", "instrumentation": "opentelemetry.instrumentation.openai_v2"}
    span = replace(spans_of(1)[0], **told)
    tell(acme.pk, span)

    page = page_of(root, UsageRecord.objects.get())

    assert "OpenTelemetry, OpenAI v2 does not state tokens read from a cache: they count as uncached input" in page
    assert "reasoning tokens: they count as output, at its price." in page


@pytest.mark.parametrize("source", ["otlp", "app"])
def test_a_record_of_nobody_who_is_known_has_nothing_to_say(acme: Scope, root: Client, source: str) -> None:
    record_usage(events=[event(id="a-b", source=source)], key_scope_id=acme.pk, at=AT)

    assert "does not state" not in page_of(root, UsageRecord.objects.get())
