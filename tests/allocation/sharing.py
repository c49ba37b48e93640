"""Documents and organisations for the tests of shared cost."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from allocation.commitments.documents import CommitmentDocument
from allocation.commitments.operations import apply_commitment
from allocation.meters.engine.months import Month
from allocation.shared_cost.documents import SharedCostSplitDocument
from allocation.shared_cost.models import AllocatedCharge, AllocationRun
from allocation.shared_cost.operations import apply_shared_cost_split, record_metrics, run_allocation
from allocation.usage.operations import record_usage
from governance.documents import Change, load_documents, parse_document
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event

NOVEMBER = Month(2026, 11)
OCTOBER = Month(2026, 10)
SPLIT = """
apiVersion: weir/v1
kind: SharedCostSplit
metadata: {name: platform-team}
spec:
  organisation: acme
  effective_from: 2026-01-01
  pool: {source: usage, scope: acme/platform}
  recipients: {scopes: [acme/search, acme/ads]}
  method: {how: proportional, to: tokens}
  when_zero: fail
  departed: redistribute
"""
LICENCE = """
apiVersion: weir/v1
kind: SharedCostSplit
metadata: {name: licence}
spec:
  organisation: acme
  effective_from: 2026-01-01
  pool: {source: amount, amount_per_month: "100.00", currency: USD, held_by: acme}
  recipients: {matching: {below: acme, kinds: [team], exclude: [acme/platform]}}
  method: {how: even}
  when_zero: keep_in_pool
  departed: redistribute
"""
NODE = """
apiVersion: weir/v1
kind: Commitment
metadata: {name: node}
spec:
  organisation: acme
  kind: reserved_gpu
  provider: self
  amount_per_month: "1440.00"
  currency: USD
  unit: gpu_hour
  units_per_month: 720
  on_demand_unit_price: 4
  starts_on: 2026-01-01
"""


LISTED = "[acme/search, acme/ads]"
RECIPIENTS = "{scopes: [acme/search, acme/ads]}"
BY_TOKENS = "{how: proportional, to: tokens}"
AMOUNT = '{source: amount, amount_per_month: "100.00", currency: USD,'
OF_NODE = "{source: commitment, commitment: node,"


def split_document(text: str = SPLIT) -> SharedCostSplitDocument:
    return parse_document(TypeAdapter(SharedCostSplitDocument), load_documents(text, source="split.yaml")[0])


def apply_split(text: str = SPLIT) -> Change:
    return apply_shared_cost_split(split_document(text), actor=SYSTEM, at=AT)


def apply_node(text: str = NODE) -> Change:
    document = parse_document(TypeAdapter(CommitmentDocument), load_documents(text, source="node.yaml")[0])
    return apply_commitment(document, actor=SYSTEM, at=AT)


def add_platform(root: Scope) -> Scope:
    platform = create_scope(slug="platform", kind="team", parent=root, actor=SYSTEM, at=AT)
    create_scope(slug="gateway", kind="workload", parent=platform, actor=SYSTEM, at=AT)
    return platform


def use(root: Scope, path: str, cost: str, tokens: int = 0, **changes: Any) -> None:
    arrives = changes.pop("arrives", AT)
    event_ = event(scope=path, cost=cost, tokens={"input": tokens}, **changes)
    assert record_usage(events=[event_], key_scope_id=root.pk, at=arrives).accepted == 1


def run(root: Scope, month: Month = NOVEMBER, at: datetime = AT) -> AllocationRun:
    return run_allocation(organisation=root, month=month, actor=SYSTEM, at=at).run


DECEMBER_1 = datetime(2026, 12, 1, tzinfo=UTC)


def furnish_sharing(root: Scope, at: datetime) -> AllocationRun:
    """A row of every model of shared cost, in an organisation with the teams search and ads."""
    name = root.path
    add_platform(root)
    for text, apply in ((SPLIT, apply_split), (LICENCE, apply_split), (NODE, apply_node)):
        apply(text.replace("acme", name).replace("metadata: {name: ", f"metadata: {{name: {name}-"))
    value = {"id": "1", "source": "hr", "metric": "seats", "scope": f"{name}/ads", "on": str(at.date()), "value": 1}
    record_metrics(values=[value], authority=root, at=at)
    use(root, f"{name}/platform", "10", occurred_at=at, arrives=at)
    use(root, f"{name}/search", "1", 100, occurred_at=at, arrives=at)
    return run_allocation(organisation=root, month=Month.of(at.date()), actor=SYSTEM, at=at).run


def charges(of: AllocationRun) -> dict[str, tuple[Decimal, Decimal, Decimal, str]]:
    rows = AllocatedCharge.objects.filter(run=of).select_related("target")
    return {row.target.path: (row.ratio, row.amount, row.usage_quantity, row.rule) for row in rows}
