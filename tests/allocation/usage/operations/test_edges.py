"""Several processes at once, files that are broken, prices that are too dear: nothing is lost and nothing stops."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from allocation.meters.engine.months import Month
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_quarantined
from allocation.usage.models import ImportRun, UsageDay, UsageRecord
from allocation.usage.operations import (
    drop_expired_partitions,
    ensure_partitions,
    existing_partitions,
    record_usage,
    seen_months,
)
from governance.organisations.operations import create_api_key, create_scope
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree
from tests.allocation.conftest import AT, SYSTEM, Client, document, event, make_organisation
from tests.allocation.prices.operations.test_price_books import BOOK, apply_book
from tests.governance.conftest import at_once


@pytest.mark.django_db(transaction=True)
def test_processes_that_need_the_same_odd_months_make_them_once() -> None:
    months = [Month(1999, 12), Month(2000, 1), Month(2000, 2)]
    before = set(existing_partitions())

    def make(number: int) -> None:
        seen_months.difference_update(months)
        ensure_partitions(months if number % 2 else reversed(months))

    at_once(make, 6)
    assert set(existing_partitions()) - before == set(months)
    at_once(lambda _: drop_expired_partitions(at=datetime(2001, 5, 1, tzinfo=UTC)), 3)
    assert set(existing_partitions()) == before
    seen_months.difference_update(months)


@pytest.mark.django_db(transaction=True)
def test_batches_and_replays_crosswise_never_stand_in_each_others_way() -> None:
    acme = make_organisation()
    refused = [event(id=f"late-{number}", scope="acme/new") for number in range(40)]
    record_usage(events=refused, key_scope_id=acme.pk, at=AT)
    create_scope(slug="new", kind="team", parent=acme, actor=SYSTEM, at=AT)
    fresh = [event(id=f"fresh-{number}", scope=f"acme/{('search', 'ads')[number % 2]}") for number in range(40)]
    again = [event(id=f"never-{number}", scope="acme/never") for number in range(40)]

    def work(number: int) -> None:
        if number % 3 == 0:
            replay_quarantined(actor=SYSTEM, at=AT)
        else:
            batch = [*fresh, *again]
            record_usage(events=batch if number % 2 else batch[::-1], key_scope_id=acme.pk, at=AT)

    at_once(work, 6)
    assert UsageRecord.objects.count() == 80
    assert sum(UsageDay.objects.values_list("requests", flat=True)) == 80
    assert set(QuarantinedUsage.objects.waiting().values_list("code", flat=True)) == {"scope_unknown"}
    assert QuarantinedUsage.objects.waiting().count() == 40


def test_a_key_made_by_another_process_a_moment_ago_may_send(acme: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process still has its picture of the tree, a quarter of a second old."""
    old = scope_tree()
    fresh = create_scope(slug="fresh", kind="team", parent=acme, actor=SYSTEM, at=AT)
    create_api_key(scope=fresh, permissions=["usage:write"], actor=SYSTEM, at=AT)
    monkeypatch.setattr(
        "governance.scopes.queries.scope_tree", lambda max_age_s=0.0: old if max_age_s else scope_tree()
    )
    assert record_usage(events=[event(scope="acme/fresh")], key_scope_id=fresh.pk, at=AT).accepted == 1


def test_what_no_ledger_could_hold_is_refused_alone(acme: Scope) -> None:
    apply_book(BOOK.replace('"2.00"', '"999999999"'))
    dear, cheap = ({"input": count, "output": 0} for count in (10**12, 10**6))
    found = record_usage(events=[event(tokens=dear), event(tokens=cheap)], key_scope_id=acme.pk, at=AT)
    assert [(rejection.index, rejection.code) for rejection in found.rejected] == [(0, "cost_out_of_range")]
    assert UsageRecord.objects.get().cost == Decimal(999_999_999)


def test_sums_that_no_ledger_could_hold_are_the_senders_to_hear_of(acme: Scope, client_of: Client) -> None:
    now = timezone.now() - timedelta(minutes=1)
    record_usage(events=[event(occurred_at=now, cost="1")], key_scope_id=acme.pk, at=timezone.now())
    UsageDay.objects.update(cost=Decimal(10**15 - 1))
    body = [document(occurred_at=now.isoformat(), cost="1000000000")]
    answer = client_of(acme).post("/api/v1/usage", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "value_not_storable")


MAPPING = """
format: csv
source: log
fields:
  id: {column: id}
  occurred_at: {column: time}
  provider: {constant: openai}
  model: {constant: gpt-4o}
  tokens.input: {column: tokens}
  scope: {constant: acme/search}
"""
Write = Callable[[bytes], list[str]]


@pytest.fixture
def csv(acme: Scope, tmp_path: Path) -> Write:
    (tmp_path / "mapping.yaml").write_text(MAPPING)

    def written(content: bytes, name: str = "log.csv") -> list[str]:
        (tmp_path / name).write_bytes(content)
        return ["usage", "import", str(tmp_path / name), "--mapping", str(tmp_path / "mapping.yaml"), "--format", "csv",
                "--scope", "acme"]  # fmt: skip

    return written


def rows(*lines: str) -> bytes:
    now = (datetime.now(UTC) - timedelta(minutes=2)).isoformat()
    return "\n".join(["id,time,tokens,prompt", *(line.replace("NOW", now) for line in lines)]).encode()


def test_a_prompt_of_a_megabyte_beside_a_row_is_passed_over(csv: Write) -> None:
    call_command(*csv(rows(f"1,NOW,10,{'x' * 1_000_000}", "2,NOW,10,")))
    assert UsageRecord.objects.count() == 2


@pytest.mark.parametrize("number", ["1e999999", "-1e999999", "1e-999999", "1e999999999999999999", "NaN"])
def test_a_number_nobody_can_write_out_is_refused_alone(csv: Write, number: str) -> None:
    call_command(*csv(rows(f"1,NOW,{number},", "2,NOW,10,")))
    assert (UsageRecord.objects.count(), QuarantinedUsage.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(gzip.compress(rows("1,NOW,10,"))[:-12], "log.csv.gz", id="a gzip that is cut off"),
        pytest.param(b"id,time,tokens,prompt\n1,x,10,caf\xe9\n", "log.csv", id="Latin-1"),
        pytest.param(b"no gzip", "log.csv.gz", id="no gzip inside"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_sentence(csv: Any, content: bytes, name: str) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command(*csv(content, name))
    assert ImportRun.objects.get().status == "failed"


@pytest.mark.parametrize("form", ["%s\n%s", "[%s,%s]"])
def test_a_byte_order_mark_before_a_native_file(acme: Scope, tmp_path: Path, form: str) -> None:
    at = datetime.now(UTC) - timedelta(minutes=2)
    texts = tuple(event(id=name, occurred_at=at).model_dump_json(exclude_defaults=True) for name in ("a", "b"))
    (tmp_path / "log.json").write_bytes(b"\xef\xbb\xbf" + (form % texts).encode())
    call_command("usage", "import", str(tmp_path / "log.json"), "--scope", "acme")
    assert set(UsageRecord.objects.values_list("event_id", "cost")) == {(name, Decimal("0.0035")) for name in "ab"}
