"""What the layers of a running Weir spend: processors, rows, write-ahead log and statements."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

# PostgreSQL's backends report their last counts when they have been idle for so long.
REPORTED_S = 10.5
_LINE = r"^\S+ \S+ \S+ (\d+) LOG:  "
# The lines of one entry begin with a tab, but for its first.
_LOGGED = re.compile(_LINE + r"(?:statement|execute [^:]*): *(?:\n\t\s*)*(\w*)", re.MULTILINE)
_CONNECTED = re.compile(_LINE + r"connection authorized: .* application_name=(.*)$", re.MULTILINE)


@dataclass
class Spent:
    """Of one measurement: processor seconds by layer, rows written by table, WAL bytes."""

    cpu_s: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    wal_bytes: int = 0

    def since(self, before: Spent) -> Spent:
        cpu, rows = Counter(self.cpu_s), Counter(self.rows)
        cpu.subtract(before.cpu_s)
        rows.subtract(before.rows)
        return Spent(cpu, rows, self.wal_bytes - before.wal_bytes)


def spent(database_url: str, programs: Mapping[str, int], postmaster: int) -> Spent:
    """Until now. `programs` are the process ids of what runs beside PostgreSQL."""
    now = Spent()
    with psycopg.connect(database_url, autocommit=True) as connection:
        backends = dict(
            connection.execute(
                "SELECT pid, CASE WHEN backend_type = 'client backend' THEN application_name ELSE backend_type END"
                " FROM pg_stat_activity"
            ).fetchall()
        )
        own = connection.info.backend_pid
        for table, count in connection.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables"
        ).fetchall():
            now.rows[re.sub(r"_\d{4}_\d{2}$", "", table)] += count
        row = connection.execute("SELECT wal_bytes::bigint FROM pg_stat_wal").fetchone()
        now.wal_bytes = row[0] if row else 0
    for name, pid in programs.items():
        for process in _tree(pid, without=programs.values()):
            now.cpu_s[name] += _cpu_s(process)
    main = psutil.Process(postmaster)
    now.cpu_s["PostgreSQL, ended"] = main.cpu_times().children_user + main.cpu_times().children_system
    for child in main.children():
        if child.pid != own:
            now.cpu_s[f"PostgreSQL for {backends.get(child.pid, 'itself').removeprefix('weir-')}"] += _cpu_s(child)
    return now


def _tree(pid: int, *, without: Collection[int] = ()) -> Iterator[psutil.Process]:
    """The process and its children, but for those children that count for themselves, and theirs."""
    yield psutil.Process(pid)
    for child in psutil.Process(pid).children():
        if child.pid not in without:
            yield from _tree(child.pid, without=without)


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


def memory_mb(programs: Mapping[str, int], postmaster: int) -> Counter[str]:
    """The proportional memory of all processes by program: what they share is counted once."""
    own = set(programs.values())
    used: Counter[str] = Counter()
    for name, start in (*programs.items(), ("PostgreSQL", postmaster)):
        for process in _tree(start, without=own):
            try:
                used[name] += process.memory_full_info().pss / 2**20
            except psutil.Error:
                continue
    return used


@contextmanager
def statements(database_url: str, log: Path) -> Iterator[Callable[[], dict[str, Counter[str]]]]:
    """Has PostgreSQL write every statement into its log; the yielded function counts them by program and first word."""
    start = log.stat().st_size
    with psycopg.connect(database_url, autocommit=True) as connection:

        def say(verb: str) -> None:
            for setting in ("log_statement {} 'all'", "log_connections {} 'authorization'"):
                text = setting.format("=") if verb == "SET" else setting.split()[0]
                connection.execute(f"ALTER SYSTEM {verb} {text}")
            connection.execute("SELECT pg_reload_conf()")
            time.sleep(0.5)

        def counted() -> dict[str, Counter[str]]:
            names = dict(connection.execute("SELECT pid, application_name FROM pg_stat_activity").fetchall())
            own = connection.info.backend_pid
            with log.open("rb") as file:
                file.seek(start)
                text = file.read().decode(errors="replace")
            names |= {int(pid): name for pid, name in _CONNECTED.findall(text)}
            by_program: dict[str, Counter[str]] = {}
            for pid, word in _LOGGED.findall(text):
                if int(pid) != own:
                    by_program.setdefault(names.get(int(pid), "ended").removeprefix("weir-"), Counter())[
                        word.upper() or "nothing"
                    ] += 1
            return by_program

        say("SET")
        try:
            yield counted
        finally:
            say("RESET")


def oldest_unfolded_s(connection: psycopg.Connection[tuple[object, ...]]) -> tuple[float, float]:
    """The age of the oldest accepted usage that roll-ups do not hold yet, and that charges and tasks do not, in
    seconds.
    """
    statement = (
        "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(received_at)"
        " FILTER (WHERE rolled_up_at IS NULL)), 0)::float8,"
        " coalesce(extract(epoch FROM clock_timestamp() - min(received_at)), 0)::float8"
        " FROM allocation_usagejournal WHERE failed_at IS NULL"
    )
    row = connection.execute(statement).fetchone()
    return (float(str(row[0])), float(str(row[1]))) if row else (0.0, 0.0)
