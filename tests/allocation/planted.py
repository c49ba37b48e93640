"""An organisation in euros with known causes in its usage, by the real way in: what each page says of it is known.

Until 23 November 2026, one record a model, scope and day; weekends take 40 %, and days differ by a few per cent. Prices
are in US dollars. What is planted:

- The price of atlas is halved on 1 October; search uses a fifth more of it from then on.
- The dollar rises from 0.90 to 0.95 euros on 1 October.
- Eight tenths of support's input of beacon are cached, from 10 November on one tenth.
- On 12 November the agents begin, with 90 dollars a working day.
- On 18 November ads use eight times as much.
- September is closed on 5 October; on 20 November usage of 15 September arrives, of 450 euros.
- The platform team's cost is shared by tokens; a GPU node of 720 hours a month is reserved.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from allocation.billing_periods.operations import close_period
from allocation.commitments.documents import CommitmentDocument
from allocation.commitments.operations import apply_commitment
from allocation.meters.documents import UsageEvent
from allocation.prices.documents import ExchangeRatesDocument, PriceBookDocument
from allocation.prices.operations import apply_exchange_rates, apply_price_book
from allocation.shared_cost.documents import SharedCostSplitDocument
from allocation.shared_cost.operations import apply_shared_cost_split
from allocation.usage.operations import record_usage
from governance.documents import load_documents, parse_document
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.allocation.conftest import SYSTEM, event

FIRST, UNTIL = date(2026, 8, 1), date(2026, 11, 24)
AT = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
CUT, LOST_CACHE, LAUNCH, SPIKE = date(2026, 10, 1), date(2026, 11, 10), date(2026, 11, 12), date(2026, 11, 18)
CLOSED_AT, LATE_AT = datetime(2026, 10, 5, 9, tzinfo=UTC), datetime(2026, 11, 20, 9, tzinfo=UTC)
TEAMS = ("search", "support", "ads", "platform", "research")
DAY = timedelta(days=1)
SATURDAY = 5
RATES = """
apiVersion: weir/v1
kind: ExchangeRates
metadata: {name: treasury}
spec:
  organisation: planted
  source: treasury
  rates:
    - {from: USD, to: EUR, effective_from: 2026-01-01, rate: "0.90"}
    - {from: USD, to: EUR, effective_from: 2026-10-01, rate: "0.95"}
"""
BOOK = """
apiVersion: weir/v1
kind: PriceBook
metadata: {name: planted}
spec:
  organisation: planted
  currency: USD
  prices:
    - {provider: lab, model: atlas, input: "10", output: "20", effective_from: 2026-01-01, effective_to: 2026-10-01}
    - {provider: lab, model: atlas, input: "5", output: "10", effective_from: 2026-10-01}
    - {provider: lab, model: beacon, input: "4", cached_input: "0.40", output: "8", effective_from: 2026-01-01}
    - {provider: lab, model: pilot, input: "6", output: "30", effective_from: 2026-01-01}
    - {provider: self, model: llama, gpu_hour: "2", effective_from: 2026-01-01}
"""
SPLIT = """
apiVersion: weir/v1
kind: SharedCostSplit
metadata: {name: platform-team}
spec:
  organisation: planted
  effective_from: 2026-01-01
  pool: {source: usage, scope: planted/platform}
  recipients: {scopes: [planted/search, planted/support, planted/ads]}
  method: {how: proportional, to: tokens}
  when_zero: fail
  departed: redistribute
"""
NODE_BILL = Decimal(1440)
NODE = """
apiVersion: weir/v1
kind: Commitment
metadata: {name: node}
spec:
  organisation: planted
  kind: reserved_gpu
  provider: self
  amount_per_month: "1440.00"
  currency: EUR
  unit: gpu_hour
  units_per_month: 720
  on_demand_unit_price: 4
  starts_on: 2026-08-01
"""


def plant() -> Scope:
    """The organisation, with all that is planted."""
    root = create_scope(slug="planted", kind="organisation", currency="EUR", actor=SYSTEM, at=AT)
    for team in TEAMS:
        create_scope(slug=team, kind="team", parent=root, actor=SYSTEM, at=AT)
    create_scope(slug="agents", kind="workload", parent=Scope.objects.get(path="planted/search"), actor=SYSTEM, at=AT)
    apply_exchange_rates(_document(ExchangeRatesDocument, RATES), actor=SYSTEM, at=AT)
    apply_price_book(_document(PriceBookDocument, BOOK), actor=SYSTEM, at=AT)
    apply_shared_cost_split(_document(SharedCostSplitDocument, SPLIT), actor=SYSTEM, at=AT)
    apply_commitment(_document(CommitmentDocument, NODE), actor=SYSTEM, at=AT)
    _record(root, list(_used(FIRST, CLOSED_AT.date())), CLOSED_AT)
    close_period(organisation=root, month=date(2026, 9, 1), reason="Closed as every month.", actor=SYSTEM, at=CLOSED_AT)
    _record(root, list(_used(CLOSED_AT.date(), LATE_AT.date())), LATE_AT)
    _record(root, [_call("search", "atlas", date(2026, 9, 15), "late", tokens={"input": 50_000_000})], LATE_AT)
    _record(root, list(_used(LATE_AT.date(), UNTIL)), AT)
    return root


def _document(of: Any, text: str) -> Any:
    return parse_document(TypeAdapter(of), load_documents(text, source="planted.yaml")[0])


def _record(root: Scope, events: list[UsageEvent], at: datetime) -> None:
    result = record_usage(events=events, key_scope_id=root.pk, at=at)
    assert (result.accepted, result.rejected) == (len(events), ())


def _used(since: date, until: date) -> Iterator[UsageEvent]:
    for number in range((until - since).days):
        day = since + DAY * number
        share = Decimal(100 + day.toordinal() * 37 % 11) / (250 if day.weekday() >= SATURDAY else 100)

        def counted(millions: str, share: Decimal = share) -> int:
            return int(Decimal(millions) * share * 1_000_000)

        more = Decimal("1.2") if day >= CUT else Decimal(1)
        yield _call("search", "atlas", day, tokens={"input": counted(f"{2 * more}"), "output": counted(f"{more / 5}")})
        cached = Decimal(1) if day >= LOST_CACHE else Decimal(8)
        tokens = {"input": counted("10"), "cached_input": counted(f"{cached}"), "output": counted("1")}
        yield _call("support", "beacon", day, tokens=tokens)
        times = 8 if day == SPIKE else 1
        yield _call(
            "ads", "pilot", day, tokens={"input": counted(f"{2 * times}"), "output": counted(f"{0.25 * times}")}
        )
        yield _call("platform", "pilot", day, tokens={"input": counted("1"), "output": counted("0.1")})
        yield _call("research", "llama", day, provider="self", gpu_seconds=Decimal(36_000), tokens={"input": 1})
        if day >= LAUNCH:
            yield _call("search/agents", "pilot", day, tokens={"input": counted("5"), "output": counted("2")})


def _call(scope: str, model: str, day: date, name: str = "", **changes: Any) -> UsageEvent:
    return event(
        id=f"{scope} {model} {day} {name}",
        occurred_at=datetime(day.year, day.month, day.day, 6, tzinfo=UTC),
        scope=f"planted/{scope}",
        model=model,
        **{"provider": "lab", "requests": 100, **changes},
    )
