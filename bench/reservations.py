"""How many reservations a second are held, on many accounts and on one, and what one costs.

    python -m bench.reservations                       # own Weir, started as `weir up` starts it; needs wrk
    python -m bench.reservations --parts cost,drawn    # some of PARTS only

http    held over HTTP by 64 connections: on 64 accounts, and on one that all of them want; durable as always
cost    statements and CPU of a hold, and of the settlement that ends it, in one process
drawn   a lease drawn down in the client, by one thread and by four

Targets on two quiet cores, load included: 1,500/s on 64 accounts, 1,000/s on one, p99 60 ms; drawn 1,000,000/s.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from bench.decisions import report, with_script
from bench.own_weir import OwnWeir, own_weir

if TYPE_CHECKING:
    from governance.scopes.models import Scope

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("http", "cost", "drawn")
# Each request asks for another team in turn.
REQUESTS = """
local number = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {key}"
request = function()
  number = (number + 1) % {teams}
  return wrk.format(nil, nil, nil, '{{"scope":"bench/team-' .. number .. '","amount":"0.01","expires_in":60}}')
end
"""


def furnish(teams: int) -> tuple[list[Scope], str]:
    """Teams with a budget each that no run uses up, and a key that may hold."""
    from budgets.approvals.operations import approve_budget, create_budget, submit_budget
    from governance.organisations.operations import create_api_key, create_scope
    from governance.people.models import Ownership, User
    from governance.people.rules import Actor

    now, system = datetime.now(UTC), Actor.system()
    root = create_scope(slug="bench", kind="organisation", parent=None, actor=system, at=now)
    people = []
    for name, persona, right in (("ada", "engineering", ""), ("fay", "finance", "approve_budget")):
        user = User.objects.create_user(f"{name}@example.com", "a long password")
        Ownership.objects.create(scope=root, user=user, persona=persona, decision_right=right)
        people.append(Actor.of_user(user))
    scopes = []
    for number in range(teams):
        scope = create_scope(slug=f"team-{number}", kind="team", parent=root, actor=system, at=now)
        budget = create_budget(scope=scope, amount=Decimal(10**9), actor=people[0], at=now)
        submit_budget(budget_id=budget.pk, actor=people[0], at=now)
        approve_budget(budget_id=budget.pk, actor=people[1], reason="bench", at=now)
        scopes.append(scope)
    return scopes, create_api_key(scope=root, permissions=["reservations:write"], actor=system, at=now)[1]


def http(weir: OwnWeir, key: str, given: argparse.Namespace) -> None:
    web = [psutil.Process(pid) for name, pid in weir.pids().items() if name.startswith(("web", "front"))]
    processes = [*web, *(child for each in web for child in each.children(recursive=True))]
    for name, teams in (("on 64 accounts", 64), ("on one account", 1)):
        script = REQUESTS.format(key=key, teams=teams)
        url = f"{weir.url}/api/v1/reservations"
        with_script(url, script, connections=given.connections, seconds=2)
        before = _cpu_s(processes)
        figures = with_script(url, script, connections=given.connections, seconds=given.seconds)
        report(f"held {name}", figures)
        used = _cpu_s(processes) - before
        print(f"  {used / (figures.requests_per_s * given.seconds) * 1e3:.2f} ms of the web's CPU each")


def _cpu_s(processes: list[psutil.Process]) -> float:
    return sum(each.cpu_times().user + each.cpu_times().system for each in processes)


def cost(scope: Scope, given: argparse.Namespace) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from budgets.reservations.operations import Terms, hold, settle
    from governance.people.rules import Actor

    terms = Terms(unit="money", amount=Decimal("0.01"), expires_in=timedelta(minutes=1))
    system = Actor.system()
    for name in ("first", "later"):
        now = datetime.now(UTC)
        with CaptureQueriesContext(connection) as holding:
            row, _is_new = hold(scope=scope, terms=terms, actor=system, at=now)
        with CaptureQueriesContext(connection) as settling:
            settle(reservation_id=row.pk, amount=Decimal("0.01"), actor=system, at=now)
        # What goes out in one message, such as the lock of posting, is not among them.
        print(f"{name}: {len(holding)} statements to hold, {len(settling)} to settle")
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(given.count):
        hold(scope=scope, terms=terms, actor=system, at=datetime.now(UTC))
    took, used = time.perf_counter() - began, time.process_time() - cpu
    each_ms = used / given.count * 1e3
    print(f"one process holds {given.count / took:,.0f}/s one after the other, {each_ms:.2f} ms of its CPU each")


def drawn(given: argparse.Namespace) -> None:
    sys.path.insert(0, str(ROOT / "clients/weir-client/src"))
    from weir_client import DrawDown

    for threads in (1, 4):
        draw_down = DrawDown()
        draw_down.allow(10**18, time.monotonic() + 3600)

        def draw(draw_down: DrawDown = draw_down, count: int = given.draws // threads) -> None:
            for _ in range(count):
                draw_down.draw(1_000)

        workers = [threading.Thread(target=draw) for _ in range(threads)]
        began, cpu = time.perf_counter(), time.process_time()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        took, used = time.perf_counter() - began, time.process_time() - cpu
        assert draw_down.drawn == given.draws // threads * threads * 1_000
        print(f"drawn by {threads}: {given.draws / took:,.0f}/s, {given.draws / used:,.0f} a second of CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--draws", type=int, default=2_000_000)
    given = parser.parse_args()
    parts = given.parts.split(",")
    if "drawn" in parts:
        drawn(given)
    if not {"http", "cost"} & set(parts):
        return
    with own_weir(workers=False) as weir:
        scopes, key = furnish(64)
        if "cost" in parts:
            cost(scopes[0], given)
        if "http" in parts:
            http(weir, key, given)


if __name__ == "__main__":
    main()
