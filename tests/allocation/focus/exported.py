import csv
import io
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from allocation.focus.importers.importing import FocusImportRequest, import_focus_file
from allocation.focus.models import FocusImport
from allocation.focus.queries import FocusExport, export_for, focus_csv
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


def clock() -> datetime:
    return AT


def order(root: Scope, version: Any = "1.4", since: date = NOVEMBER, **asked: Any) -> FocusExport:
    until = date(since.year + since.month // 12, since.month % 12 + 1, 1)
    return export_for(
        actor=asked.pop("actor", SYSTEM), organisation_id=root.pk, since=since, until=until, version=version, **asked
    )


def exported(root: Scope, version: Any = "1.4", since: date = NOVEMBER, **asked: Any) -> bytes:
    return b"".join(focus_csv(order(root, version, since, **asked)))


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def bring_in(path: Path, scope: Scope) -> FocusImport:
    return import_focus_file(FocusImportRequest(path=path, scope=scope), now=clock)


def use(root: Scope) -> None:
    """Usage of two days in two scopes: every kind of token, another tier, a bill, an unpriced model, a failed call."""
    tokens = {"input": 1000, "cached_input": 300, "cache_write": 0, "output": 100, "reasoning": 40}
    calls = [
        event(tokens=tokens),
        event(tokens=tokens, occurred_at="2026-11-23T23:59:59Z"),
        event(tokens=tokens, scope=f"{root.path}/ads", model="o3"),
        event(cost=Decimal("0.25"), provider="elsewhere", model='unknown, "quoted" 5%'),
        event(model="nobody-knows", provider="elsewhere"),
        event(status="error"),
        event(cached_response=True),
    ]  # fmt: skip
    record_usage(events=calls, key_scope_id=root.pk, at=AT)


def foreign(tmp_path: Path) -> Path:
    """A vendor's file: another version, odd dates, a column of its own, rows that are no AI."""
    path = tmp_path / "vendor.csv"
    path.write_text(
        "BilledCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ChargePeriodStart,"
        "ChargePeriodEnd,EffectiveCost,ProviderName,Cost Centre,Tags\n"
        '"$1,000.00 ",USD,11/1/26,12/1/26,Purchase,11/1/26,12/1/26,0,Big Cloud,"7, west",NULL\n'
        "2.5,USD,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,Usage,2026-11-02T00:00:00Z,2026-11-03T00:00:00Z,2.5,"
        'Big Cloud,,"{""a"": ""b""}"\n'
    )
    return path
