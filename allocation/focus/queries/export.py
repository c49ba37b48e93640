"""An organisation's charges as a FOCUS file, streamed: usage, what was imported, shared cost, commitments.

The order is fixed: usage by scope, day and price; imported rows file by file, as they stood; shared cost as it was
split; commitments as they were used. Usage that an import brought is not written twice: the import's own rows are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, cast

from django.db import connection, transaction

from allocation.commitments.queries import committed_charges
from allocation.focus.engine.again import again, customs
from allocation.focus.engine.columns import Version
from allocation.focus.engine.formats import number_text, time_text
from allocation.focus.engine.layout import Layout, line_of
from allocation.focus.engine.lines import KINDS_MAX, Account, Amounts, ChargeKind, ScopeFacts, Writer
from allocation.focus.engine.shared import allocated_rows, commitment_rows
from allocation.focus.models import FocusImport, FocusRow
from allocation.shared_cost.queries import allocated_charges
from allocation.usage.engine.costing import FOCUS, UNPRICED
from allocation.usage.models import CHARGE_TABLE, UsageCharge
from governance.calendar.engine import first_of_month, midnight
from governance.people.rules import Actor
from governance.scopes.queries import ScopeTree, scope_tree

CHUNK_BYTES = 256 * 1024
ROWS_FETCHED = 2_000
AMOUNTS = len(Amounts._fields)
Lines = Iterator[str]


@dataclass(frozen=True, slots=True)
class FocusExport:
    """What to write: `since` to before `until`, whole months of UTC days, of the scopes that may be seen."""

    version: Version
    organisation_id: int
    since: date
    until: date
    scope_ids: tuple[int, ...]


def export_for(
    *, actor: Actor, organisation_id: int, since: date, until: date, version: Version, scope_id: int | None = None
) -> FocusExport:
    tree = scope_tree()
    wanted = tree.descendants(scope_id or organisation_id)
    seen = tuple(each for each in wanted if actor.sees(tree.by_id[each].path))
    return FocusExport(version, organisation_id, since, until, seen)


def focus_csv(order: FocusExport) -> Iterator[bytes]:
    """The file in pieces, of one moment of the database."""
    tree = scope_tree()
    nested = connection.in_atomic_block
    with transaction.atomic():
        if not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield from chunks(_lines(order, tree, layout_of(order)))


def _lines(order: FocusExport, tree: ScopeTree, layout: Layout) -> Lines:
    yield layout.header()
    yield from _usage(order, tree, layout)
    yield from _imported(order, layout)
    yield from _allocated(order, tree, layout)
    yield from _committed(order, tree, layout)


def unpriced_lines(order: FocusExport) -> int:
    """Charge lines that nobody has stated a price for: usage, but no charge, so not in the file."""
    return UsageCharge.objects.filter(
        scope_id__in=order.scope_ids, day__gte=order.since, day__lt=order.until, price_source=UNPRICED
    ).count()


def chunks(lines: Iterable[str]) -> Iterator[bytes]:
    waiting: list[str] = []
    size = 0
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size >= CHUNK_BYTES:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    if waiting:
        yield "".join(waiting).encode()


def account_of(tree: ScopeTree, organisation_id: int) -> Account:
    root = tree.by_id[organisation_id]
    return Account(root.path, root.name or root.slug, root.currency)


def scope_facts(tree: ScopeTree, scope_id: int) -> ScopeFacts:
    node = tree.by_id[scope_id]
    environment = {"environment": node.environment} if node.environment else {}
    return ScopeFacts(
        id=node.id,
        path=node.path,
        name=node.name or node.slug,
        kind=node.kind,
        is_root=node.parent_id is None,
        tags={**environment, **node.labels},
    )


def _usage(order: FocusExport, tree: ScopeTree, layout: Layout) -> Lines:
    """Ordered by what the lines say, not by numbers that another installation would give otherwise."""
    writer = Writer(
        layout,
        account_of(tree, order.organisation_id),
        {scope_id: scope_facts(tree, scope_id) for scope_id in order.scope_ids},
    )
    with connection.cursor() as cursor, cast("Any", cursor.cursor).copy(usage_query(order, tree)) as copy:
        kinds: dict[str, ChargeKind] = {}
        for row in copy:
            named, *amounts = bytes(row).decode()[:-1].rsplit("\t", AMOUNTS)
            kind = kinds.get(named)
            if kind is None:
                if len(kinds) >= KINDS_MAX:
                    kinds.clear()
                kind = kinds[named] = _kind(named.split("\t"))
            yield writer.line(kind, Amounts(*amounts))


def usage_query(order: FocusExport, tree: ScopeTree) -> str:
    ranked = sorted(order.scope_ids, key=lambda scope_id: tree.by_id[scope_id].path)
    ids = ",".join(str(int(scope_id)) for scope_id in ranked)
    return f"""
        COPY (
            SELECT charge.scope_id, provider, model, activity, service_tier, price_source, price_version, charge_class,
                meter, {plain("list_unit_price")}, {plain("contracted_unit_price")}, day, requests,
                {plain("quantity")}, {plain("quantity * 0.000001")},
                {plain("list_cost")}, {plain("contracted_cost")}, {plain("effective_cost")}, {plain("billed_cost")}
            FROM {CHARGE_TABLE} AS charge
            JOIN unnest('{{{ids}}}'::bigint[]) WITH ORDINALITY AS place (scope_id, rank) USING (scope_id)
            WHERE day >= '{order.since:%Y-%m-%d}' AND day < '{order.until:%Y-%m-%d}'
                AND price_source <> '{UNPRICED}'
                AND (price_source <> '{FOCUS}' OR charge_class <> '')
            ORDER BY rank, day, provider COLLATE "C", model COLLATE "C", activity COLLATE "C",
                service_tier COLLATE "C", price_source COLLATE "C", price_version COLLATE "C",
                charge_class COLLATE "C", meter COLLATE "C", list_unit_price, contracted_unit_price
        ) TO STDOUT
    """  # noqa: S608  # our own names, numbers and dates


def plain(number: str) -> str:
    """Without trailing zeros, one decimal at least (`formats.number_text`)."""
    trimmed = f"trim_scale({number})"
    return f"CASE WHEN scale({trimmed}) = 0 THEN {trimmed}::text || '.0' ELSE {trimmed}::text END"


def _kind(cells: Sequence[str]) -> ChargeKind:
    """The first eleven columns of `usage_query`, as PostgreSQL's COPY writes them."""
    scope_id, *names = cells[:9]
    provider, model, activity, tier, source, version, charge_class, meter = (
        name.replace(r"\\", "\\") for name in names
    )
    listed, contracted = (None if price == r"\N" else price for price in cells[9:])
    return ChargeKind(
        int(scope_id), provider, model, activity, tier, source, version, charge_class, meter, listed, contracted
    )


def layout_of(order: FocusExport) -> Layout:
    return Layout.of(order.version, customs(order.version, _imported_columns(order)))


def _imported_rows(order: FocusExport) -> Any:
    return FocusRow.objects.charges().filter(
        organisation_id=order.organisation_id,
        scope_id__in=order.scope_ids,
        billing_period_start__gte=midnight(order.since),
        billing_period_start__lt=midnight(order.until),
    )


def _imported_columns(order: FocusExport) -> list[list[str]]:
    sources = _imported_rows(order).values("source")
    return list(FocusImport.objects.filter(pk__in=sources).order_by("pk").values_list("columns", flat=True))


def _imported(order: FocusExport, layout: Layout) -> Lines:
    for cells in imported_cells(order):
        yield layout.line(cells)


def imported_cells(order: FocusExport) -> Iterator[dict[str, str | None]]:
    """Imported charges by the columns of the version, file by file, in the order in which they stood."""
    tree = scope_tree()
    sources = FocusImport.objects.filter(pk__in=_imported_rows(order).values("source"))
    named = {source.pk: tuple(source.columns) for source in sources}
    account = account_of(tree, order.organisation_id)
    rows = _imported_rows(order).order_by("source_id", "row_number")
    for row in rows.iterator(chunk_size=ROWS_FETCHED):
        yield again(order.version, named[row.source_id], row.cells, known_of(row, tree, account))


def _allocated(order: FocusExport, tree: ScopeTree, layout: Layout) -> Lines:
    account, seen = account_of(tree, order.organisation_id), frozenset(order.scope_ids)
    for line in allocated_charges(order.organisation_id, order.since, order.until):
        origin, target = (scope_facts(tree, tree.by_path[path].id) for path in (line.origin_scope, line.target_scope))
        for row in allocated_rows(layout, line, account, origin, target):
            if tree.by_path[row["x_ScopePath"] or ""].id in seen:
                yield layout.line(row)


def _committed(order: FocusExport, tree: ScopeTree, layout: Layout) -> Lines:
    """One commitment in one month at a time: what it was billed, and what it covered."""
    account, seen = account_of(tree, order.organisation_id), frozenset(order.scope_ids)

    def scope_of(path: str) -> ScopeFacts:
        return scope_facts(tree, tree.by_path[path].id if path else order.organisation_id)

    lines = committed_charges(order.organisation_id, order.since, order.until)
    for _, of_month in groupby(lines, key=lambda line: (line.commitment, first_of_month(line.period_start))):
        for row in commitment_rows(list(of_month), account, scope_of):
            if tree.by_path[row["x_ScopePath"] or ""].id in seen:
                yield layout.line(row)


def known_of(row: FocusRow, tree: ScopeTree, account: Account) -> Mapping[str, str | None]:
    times = {
        "BillingPeriodStart": row.billing_period_start,
        "BillingPeriodEnd": row.billing_period_end,
        "ChargePeriodStart": row.charge_period_start,
        "ChargePeriodEnd": row.charge_period_end,
    }
    costs = {
        "BilledCost": row.billed_cost,
        "EffectiveCost": row.effective_cost,
        "ListCost": row.list_cost,
        "ContractedCost": row.contracted_cost,
    }
    return {
        **{name: None if at is None else time_text(at) for name, at in times.items()},
        **{name: None if cost is None else number_text(cost) for name, cost in costs.items()},
        "BillingAccountId": account.id,
        "BillingCurrency": row.currency,
        "ChargeCategory": row.charge_category,
        "x_Records": f"/api/v1/focus/imports/{row.source_id}/rows?row_number={row.row_number}",
        "x_ScopeId": str(row.scope_id),
        "x_ScopePath": tree.by_id[row.scope_id].path,
    }


def import_csv(source: FocusImport) -> Iterator[bytes]:
    """The rows of one import as they stood, the quarantined among them: the same columns, the same cells."""
    yield from chunks(_as_they_stood(source))


def _as_they_stood(source: FocusImport) -> Lines:
    layout = Layout(cast("Version", source.version), tuple(source.columns))
    yield layout.header()
    rows = FocusRow.objects.filter(source=source).order_by("row_number").values_list("cells", flat=True)
    width = len(source.columns)
    for cells in rows.iterator(chunk_size=ROWS_FETCHED):
        padded = [*cells, *[None] * (width - len(cells))]
        yield line_of(padded)
