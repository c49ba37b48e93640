from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from allocation.coverage import queries
from governance.scopes.models import Scope
from tests.allocation.attribution_rules import SEARCH, SINCE, UNTIL, apply_rules, use
from tests.allocation.conftest import SYSTEM

# --- coverage


def test_coverage_by_day_month_scope_and_rule(acme: Scope) -> None:
    apply_rules()
    use(
        acme,
        {**SEARCH, "cost": Decimal(8)},
        {"cost": Decimal(2), "requests": 3, "occurred_at": "2026-11-23T10:00:00Z"},
        {"scope": "acme/ads", "cost": Decimal(10), "occurred_at": "2026-10-31T10:00:00Z"},
    )

    def parts(by: str) -> dict[str, tuple[Decimal | None, Decimal | None, Decimal | None]]:
        found = queries.attribution_coverage(actor=SYSTEM, since=datetime(2026, 10, 1, tzinfo=UTC), until=UNTIL, by=by)
        [one] = found
        whole = (one.path, one.whole.cost_ratio, one.whole.request_ratio, one.whole.maturity)
        assert whole == ("acme", Decimal("0.9"), Decimal("0.4"), "run")
        return {part.name: (part.coverage.cost_ratio, part.coverage.request_ratio, part.share) for part in one.parts}

    none, some, all_ = Decimal(0), Decimal("0.8"), Decimal(1)
    assert parts("month") == {
        "2026-10": (all_, all_, Decimal("0.5")), "2026-11": (some, Decimal("0.25"), Decimal("0.5")),
    }  # fmt: skip
    assert parts("day") == {
        "2026-10-31": (all_, all_, Decimal("0.5")), "2026-11-23": (none, none, Decimal("0.1")),
        "2026-11-24": (all_, all_, Decimal("0.4")),
    }  # fmt: skip
    assert parts("scope") == {
        "acme/ads": (all_, all_, Decimal("0.5")), "acme/search": (all_, all_, Decimal("0.4")),
        "acme/unattributed": (none, none, Decimal("0.1")),
    }  # fmt: skip
    assert list(parts("rule").items()) == [
        ("explicit", (all_, all_, Decimal("0.5"))), ("acme:search", (all_, all_, Decimal("0.4"))),
        ("unattributed", (none, none, Decimal("0.1"))),
    ]  # fmt: skip


def test_coverage_takes_few_queries_however_many_days(acme: Scope, django_assert_num_queries: Any) -> None:
    use(acme, *({**SEARCH, "occurred_at": f"2026-11-{day:02}T10:00:00Z"} for day in range(1, 24)))
    with django_assert_num_queries(3):  # the tree's version and the tree, the sums
        queries.attribution_coverage(actor=SYSTEM, since=SINCE, until=UNTIL, by="day")
