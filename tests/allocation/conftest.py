import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from allocation.meters.documents import EVENT, UsageEvent
from allocation.usage.models import UsageDay, UsageHour, UsageMinute, UsageRecord
from allocation.usage.operations import record_usage
from governance.organisations.operations import create_api_key, create_scope
from governance.people.rules import Actor
from governance.scopes.models import Scope

AT = datetime(2026, 11, 24, 12, 30, 30, tzinfo=UTC)
SYSTEM = Actor.system()
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"

needs_shared_data = pytest.mark.skipif(not SHARED.exists(), reason="the shared sample data is not here")

TOTALLED = (
    "requests", "errors", "unpriced_requests", "partly_unpriced_requests", "unpriced_tokens", "tokenless_cost",
    "input_tokens", "cached_input_tokens", "cache_write_tokens",
    "output_tokens", "reasoning_tokens", "gpu_seconds", "cost",
)  # fmt: skip
numbers = itertools.count(1)


def document(**changes: Any) -> dict[str, Any]:
    """A priced call: 1,000 tokens in, 100 out, on gpt-4o at $2.50 and $10: $0.0035."""
    return {
        "id": f"call-{next(numbers)}",
        "source": "gateway",
        "occurred_at": "2026-11-24T12:00:00Z",
        "scope": "acme/search",
        "provider": "openai",
        "model": "gpt-4o",
        "tokens": {"input": 1000, "output": 100},
    } | changes


def event(**changes: Any) -> UsageEvent:
    return EVENT.validate_python({**document(**changes), **_typed(changes)}, strict=False)


def _typed(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if isinstance(value, datetime | Decimal)}


def make_organisation(name: str = "acme") -> Scope:
    root = create_scope(slug=name, kind="organisation", actor=SYSTEM, at=AT)
    search = create_scope(slug="search", kind="team", parent=root, actor=SYSTEM, at=AT)
    create_scope(slug="ranker", kind="workload", parent=search, actor=SYSTEM, at=AT)
    create_scope(slug="ads", kind="team", parent=root, actor=SYSTEM, at=AT)
    return root


@pytest.fixture
def acme(db: None) -> Scope:
    return make_organisation()


@pytest.fixture
def search(acme: Scope) -> Scope:
    return Scope.objects.get(path="acme/search")


Client = Callable[..., APIClient]


@pytest.fixture
def client_of(db: None) -> Client:
    def client(scope: Scope, *permissions: str) -> APIClient:
        _, plaintext = create_api_key(
            scope=scope, permissions=permissions or ("usage:write", "usage:read"), actor=SYSTEM, at=AT
        )
        http = APIClient()
        http.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
        return http

    return client


def sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: sum((row[name] for row in rows), start=Decimal(0)) for name in TOTALLED}


def rolled_up() -> list[dict[str, Any]]:
    """The totals of the three roll-ups, and of the records themselves."""
    records = [
        {
            **{name: getattr(record, name) for name in TOTALLED if hasattr(record, name)},
            "errors": record.requests if record.status == "error" else 0,
            "unpriced_requests": record.requests if record.is_unpriced else 0,
            "partly_unpriced_requests": record.requests if record.is_partly_unpriced else 0,
            "tokenless_cost": record.cost if record.cost and record.unpriced_tokens == record.total_tokens else 0,
            "cost": record.cost or Decimal(0),
        }
        for record in UsageRecord.objects.all()
    ]
    stored = [list(model.objects.values(*TOTALLED)) for model in (UsageMinute, UsageHour, UsageDay)]
    return [sums(rows) for rows in (*stored, records)]


def stored_sums() -> list[Any]:
    """Every roll-up row, without when it was received."""
    return [
        sorted(
            tuple(row.values())
            for row in model.objects.values(
                "bucket", "scope_id", "provider", "model", "activity", *TOTALLED, "last_occurred_at"
            )
        )
        for model in (UsageMinute, UsageHour, UsageDay)
    ]


@pytest.fixture
def sharing(acme: Scope) -> Scope:
    """The platform team cost 40; search used 3,000 tokens (1,000 of them its ranker), ads 1,000."""
    platform = create_scope(slug="platform", kind="team", parent=acme, actor=SYSTEM, at=AT)
    create_scope(slug="gateway", kind="workload", parent=platform, actor=SYSTEM, at=AT)
    spent = {
        "platform": ("10", 500), "platform/gateway": ("30", 700), "search": ("8", 2000), "search/ranker": ("4", 1000),
        "ads": ("2", 1000),
    }  # fmt: skip
    events = [
        event(scope=f"acme/{path}", cost=cost, tokens={"input": tokens}) for path, (cost, tokens) in spent.items()
    ]
    record_usage(events=events, key_scope_id=acme.pk, at=AT)
    return acme
