"""A program with the client, while the web process is killed: nothing is lost, nothing counts twice."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.journeys.installation import Installation, eventually
from weir_client import Weir

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("journeys")]

ORGANISATION = """
apiVersion: weir/v1
kind: Scope
metadata: {name: drawers, title: Drawers}
spec: {kind: organisation, currency: USD}
"""


def test_a_lease_is_drawn_down_and_usage_waits_while_the_web_process_is_killed(
    weir: Installation, tmp_path: Path
) -> None:
    weir.apply(ORGANISATION, name="drawers.yaml")
    key = weir.key("drawers", "reservations:write", "usage:write", "usage:read", "budgets:read")
    calls = 200
    with Weir(weir.url, key) as client, client.lease("drawers", "5", expires_in=300) as lease:
        with client.usage(tmp_path, source="client", every_s=0.05, records_max=20) as usage:
            for number in range(calls):
                assert lease.draw("0.02")
                usage.report(
                    {
                        "scope": "drawers", "provider": "openai", "model": "gpt-4o", "cost": "0.02",
                        "attributes": {"reservation": lease.id},
                    }
                )  # fmt: skip
                if number == calls // 2:
                    assert weir.kill("web") >= 1
            eventually(weir.ready, holds=lambda ready: ready, within_s=60, what="the web process")
            eventually(lambda: usage.spool.waiting_bytes, holds=lambda waiting: waiting == 0, within_s=60, what="spool")
        state = lease.renew()
    assert state.drawn == Decimal(4)
    rows = weir.query("SELECT count(*), sum(cost) FROM allocation_usagerecord WHERE source = 'client'")
    assert rows == [(calls, Decimal(4))]
    assert weir.query("SELECT status, spent FROM budgets_reservation WHERE id = %s", lease.id) == [("settled", 4)]
