"""The client against a running Weir: what it holds, draws, tells and sends is what the ledger has."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from allocation.usage.models import UsageRecord
from budgets.reservations.models import Reservation
from governance.organisations.operations import create_api_key
from governance.scopes.models import Scope
from tests.budgets.conftest import SYSTEM, Propose, account_of
from weir_client import AsyncWeir, Away, Refused, Spool, Weir, WeirError, nanos_of, wire

pytestmark = pytest.mark.long
NOW = datetime.now(UTC)
RECORD = {"scope": "acme/search", "provider": "openai", "model": "gpt-4o", "cost": "0.5"}
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def key(live_server: LiveServer, search: Scope, approve: Propose) -> str:
    approve(search, "10", at=NOW)
    permissions = ["budgets:read", "decisions:read", "reservations:write", "usage:write"]
    return create_api_key(scope=search, permissions=permissions, actor=SYSTEM, at=NOW)[1]


@pytest.fixture
def weir(live_server: LiveServer, key: str) -> Iterator[Weir]:
    with Weir(live_server.url, key) as weir:
        yield weir


def account(search: Scope) -> tuple[Decimal, Decimal]:
    """(spent, held)"""
    row = account_of(search, day=NOW.date())
    return row.spent, row.held


def test_limits_decisions_and_reservations(weir: Weir, search: Scope) -> None:
    assert weir.decide("gpt-4o", scope="acme/search").is_allowed
    with weir.reservation("acme/search", "4", task_id="t1") as held:
        (limit,) = weir.limits(unit="money")
        assert (limit.scope, limit.held, limit.available) == ("acme/search", Decimal(4), Decimal(6))
        assert limit.overshoot_bound == Decimal(4)
        part = held.part("1")
        assert part.settle("0.25").spent == Decimal("0.25")
        assert held.extend(amount="5", expires_in=900).amount == Decimal(5)
        with pytest.raises(Refused) as refused:
            weir.reservation("acme/search", "7")
        assert (refused.value.fits, refused.value.resets_at[:2]) == (Decimal(5), "20")
        assert held.settle("2").status == "settled"
    assert account(search) == (Decimal(2), Decimal(0))
    with pytest.raises(ZeroDivisionError), weir.reservation("acme/search", 3):
        raise ZeroDivisionError
    assert account(search) == (Decimal(2), Decimal(0))
    with pytest.raises(WeirError) as problem:
        held.settle("3")
    assert problem.value.code == "reservation_ended"


def test_a_lease_is_drawn_down_topped_up_and_given_back(weir: Weir, search: Scope, tmp_path: Path) -> None:
    with weir.lease("acme/search", 4, expires_in=600) as lease, weir.usage(tmp_path, source="agent") as usage:
        assert [lease.draw("0.1") for _ in range(2)] == [True, True]
        usage.report({**RECORD, "attributes": {"reservation": lease.id}})
        usage.flush()
        lease.renew()
        # Usage has told of 0.5, which is more than was drawn here: as much as at first is there to draw all the same.
        assert (lease.state.amount, lease.safe_capacity, lease.drawn) == (Decimal("4.5"), Decimal(4), Decimal("0.2"))
        assert lease.draw(4)
        assert not lease.draw("0.000000001")
    assert lease.draw("0.1") is False
    assert account(search) == (Decimal("4.2"), Decimal(0))


def test_while_weir_is_away_a_lease_goes_as_far_as_it_goes(weir: Weir, key: str, search: Scope) -> None:
    lease = weir.lease("acme/search", 2, expires_in=600)
    here, lease._weir = lease._weir, Weir(NOWHERE, key)
    assert [lease.draw("0.75") for _ in range(3)] == [True, True, False]
    lease._renew_at = 0
    lease.renew_if_due()
    assert not lease.is_due()
    with pytest.raises(Away):
        lease.renew()
    assert (lease.safe_capacity, lease.draw("0.5")) == (Decimal("0.5"), True)
    lease._weir = here
    lease.renew()
    assert lease.safe_capacity == Decimal(2)
    # Somebody gives it back: the next renewal ends it here too.
    weir.ask(wire.of_reservation(lease.id, "release"))
    lease._renew_at = 0
    lease.renew_if_due()
    assert (lease.safe_capacity, lease.draw(1)) == (Decimal(0), False)
    assert account(search) == (Decimal(2), Decimal(0))


def test_usage_waits_in_the_spool_and_counts_once(weir: Weir, key: str, search: Scope, tmp_path: Path) -> None:
    lease = weir.lease("acme/search", 4)
    away = Weir(NOWHERE, key).usage(tmp_path / "spool", source="agent", background=False)
    for _ in range(3):
        away.report({**RECORD, "attributes": {"reservation": lease.id}})
    away.report({**RECORD, "scope": "acme/nowhere"})
    with pytest.raises(Away):
        away.flush()
    away.close()
    assert isinstance(away.problem, Away)
    shutil.copytree(tmp_path / "spool", tmp_path / "copy")

    usage = weir.usage(tmp_path / "spool", source="agent", background=False, records_max=2)
    assert (usage.flush(), usage.flush(), usage.spool.waiting_bytes) == (4, 0, 0)
    again = weir.usage(Spool(tmp_path / "copy"), source="agent", background=False)
    assert again.flush() == 4

    assert UsageRecord.objects.count() == 3
    assert account(search) == (Decimal("1.5"), Decimal("2.5"))
    kept = json.loads((tmp_path / "spool" / "refused.ndjson").read_text())
    assert json.loads(kept["record"])["scope"] == "acme/nowhere"
    assert kept["reason"]["code"]


def test_a_record_that_spoils_its_batch_is_found_and_kept_aside(weir: Weir, tmp_path: Path) -> None:
    with weir.usage(tmp_path, source="agent", background=False) as usage:
        usage.report(RECORD)
        usage.report({**RECORD, "labels": ["\x00"] * 2, "task_id": "x" * 10_000})
        usage.report(RECORD)
        assert usage.flush() == 3
    assert UsageRecord.objects.count() == 2
    assert len((tmp_path / "refused.ndjson").read_text().splitlines()) == 1


def test_a_key_that_may_not_is_told_and_nothing_is_lost(live_server: LiveServer, search: Scope, tmp_path: Path) -> None:
    reader = create_api_key(scope=search, permissions=["budgets:read"], actor=SYSTEM, at=NOW)[1]
    with Weir(live_server.url, reader) as weir:
        usage = weir.usage(tmp_path, source="agent", background=False)
        usage.report(RECORD)
        with pytest.raises(WeirError) as problem:
            usage.flush()
    assert (problem.value.code, usage.spool.waiting_bytes > 0) == ("permission_missing", True)


def test_the_same_with_await(live_server: LiveServer, key: str, search: Scope, tmp_path: Path) -> None:
    async def day() -> None:
        async with AsyncWeir(live_server.url, key) as weir:
            assert (await weir.limits())[0].available == Decimal(10)
            assert (await weir.decide("gpt-4o", scope="acme/search")).is_allowed
            async with await weir.reservation("acme/search", 3) as held:
                part = await held.part(1)
                await part.release()
                await held.extend(amount=4)
                await held.settle(1)
            async with await weir.lease("acme/search", 4) as lease:
                assert lease.draw_down.draw(nanos_of(1))
                await lease.renew(2)
                assert lease.safe_capacity == Decimal(2)
                async with weir.usage(tmp_path, source="agent") as usage:
                    usage.report({**RECORD, "attributes": {"reservation": lease.id}})
            with pytest.raises(ZeroDivisionError):
                async with await weir.reservation("acme/search", 3):
                    raise ZeroDivisionError

    asyncio.run(day())
    assert account(search) == (Decimal(2), Decimal(0))
    assert set(Reservation.objects.values_list("status", flat=True)) == {"settled", "released"}
