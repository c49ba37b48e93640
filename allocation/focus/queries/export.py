"""An organisation's charges as a FOCUS file, streamed: usage, imported rows, shared cost and commitments.

The order is fixed: usage by scope, day and price; imported rows file by file in their order; shared cost as it was
split; commitments as they were used. Usage counted from an imported row is not written twice: the row itself is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, cast

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from allocation.commitments.queries import committed_charges
from allocation.focus.engine.columns import Version
from allocation.focus.engine.formats import number_text, time_text
from allocation.focus.engine.imported import Correct, custom_columns, imported_row, late_row, reversed_row
from allocation.focus.engine.layout import Layout, line_of
from allocation.focus.engine.lines import KINDS_MAX, Account, Amounts, ChargeKind, ScopeFacts, Writer
from allocation.focus.engine.shared import allocated_rows, commitment_rows
from allocation.focus.models import FocusImport, FocusRow, FocusRowStatus
from allocation.meters.engine.months import Month
from allocation.shared_cost.queries import allocated_charges, run_in_force, shared_commitments
from allocation.usage.engine.call_prices import FOCUS, UNPRICED
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
    """What to write: whole months of UTC days, from `since` to before `until`, of the scopes that may be seen."""

    version: Version
    organisation_id: int
    since: date
    until: date
    scope_ids: tuple[int, ...]


def export_for(
    *, actor: Actor, organisation_id: int, since: date, until: date, version: Version, scope_id: int | None = None
) -> FocusExport:
    """The export of what `actor` may see: the whole organisation, or a scope and all below it."""
    tree = scope_tree()
    descendants = tree.descendants(scope_id or organisation_id)
    visible = tuple(descendant for descendant in descendants if actor.sees(tree.by_id[descendant].path))
    return FocusExport(version, organisation_id, since, until, visible)


def focus_csv(export: FocusExport) -> Iterator[bytes]:
    """The file in pieces, from one snapshot of the database unless a transaction is open."""
    tree = scope_tree()
    nested = connection.in_atomic_block
    with transaction.atomic():
        if not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield from chunks(_lines(export, tree, layout_of(export)))


def _lines(export: FocusExport, tree: ScopeTree, layout: Layout) -> Lines:
    yield layout.header()
    yield from _usage(export, tree, layout)
    yield from _imported(export, layout)
    yield from _allocated(export, tree, layout)
    yield from _committed(export, tree, layout)


def unpriced_lines(export: FocusExport) -> int:
    """How many charge lines have no price. They are usage but not charges, so that the file does not contain them."""
    return UsageCharge.objects.filter(
        scope_id__in=export.scope_ids, day__gte=export.since, day__lt=export.until, price_source=UNPRICED
    ).count()


def chunks(lines: Iterable[str]) -> Iterator[bytes]:
    """The lines as bytes, in pieces of about CHUNK_BYTES."""
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
    """The organisation as a billing account."""
    root = tree.by_id[organisation_id]
    return Account(root.path, root.name or root.slug, root.currency)


def scope_facts(tree: ScopeTree, scope_id: int) -> ScopeFacts:
    """The scope as an account, with its environment and labels as tags."""
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


def _usage(export: FocusExport, tree: ScopeTree, layout: Layout) -> Lines:
    """Ordered by the lines' texts, not by ids, which differ between installations."""
    writer = Writer(
        layout,
        account_of(tree, export.organisation_id),
        {scope_id: scope_facts(tree, scope_id) for scope_id in export.scope_ids},
    )
    with connection.cursor() as cursor, cast("Any", cursor.cursor).copy(usage_query(export, tree)) as copy:
        kinds: dict[str, ChargeKind] = {}
        for row in copy:
            kind_text, *amounts = bytes(row).decode()[:-1].rsplit("\t", AMOUNTS)
            kind = kinds.get(kind_text)
            if kind is None:
                if len(kinds) >= KINDS_MAX:
                    kinds.clear()
                kind = kinds[kind_text] = _kind(kind_text.split("\t"))
            yield writer.line(kind, Amounts(*amounts))


def usage_query(export: FocusExport, tree: ScopeTree) -> str:
    """COPY of the charge lines: the eleven columns of a kind, then the columns of Amounts. Scope by scope (OFFSET keeps
    it so), so that the lines of one are sorted at a time, in memory, and the first lines leave at once.
    """
    ranked = sorted(export.scope_ids, key=lambda scope_id: tree.by_id[scope_id].path)
    ids = ",".join(str(int(scope_id)) for scope_id in ranked)
    return f"""
        COPY (
            SELECT charge.scope_id, provider, model, activity, service_tier, price_source, price_version, charge_class,
                meter, {plain("list_unit_price")}, {plain("contracted_unit_price")}, day, requests,
                {plain("quantity")}, {plain("quantity * 0.000001")},
                {plain("list_cost")}, {plain("contracted_cost")}, {plain("effective_cost")}, {plain("billed_cost")}
            FROM unnest('{{{ids}}}'::bigint[]) WITH ORDINALITY AS place (scope_id, rank)
            CROSS JOIN LATERAL (
                SELECT * FROM {CHARGE_TABLE} AS of_scope
                WHERE of_scope.scope_id = place.scope_id
                    AND day >= '{export.since:%Y-%m-%d}' AND day < '{export.until:%Y-%m-%d}'
                    AND price_source <> '{UNPRICED}'
                    AND price_source <> '{FOCUS}'
                OFFSET 0
            ) AS charge
            ORDER BY rank, day, provider COLLATE "C", model COLLATE "C", activity COLLATE "C",
                service_tier COLLATE "C", price_source COLLATE "C", price_version COLLATE "C",
                charge_class COLLATE "C", meter COLLATE "C", list_unit_price, contracted_unit_price
        ) TO STDOUT
    """  # noqa: S608  # our own names, numbers and dates


def plain(number: str) -> str:
    """SQL for a number without trailing zeros and with at least one decimal place, as `formats.number_text`."""
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


def layout_of(export: FocusExport) -> Layout:
    """The columns of the file, with the custom columns of the imported rows in it."""
    return Layout.of(export.version, custom_columns(export.version, _imported_columns(export)))


def _imported_rows(export: FocusExport) -> list[tuple[QuerySet[FocusRow], Correct | None]]:
    """The imported rows that count in these months, each kind with what makes it a correction: those of the months
    themselves as they stand, those that came after their month was closed, and what takes back those of closed months.
    """
    since, until = midnight(export.since), midnight(export.until)
    rows = FocusRow.objects.filter(
        organisation_id=export.organisation_id, scope_id__in=export.scope_ids, status=FocusRowStatus.CHARGE
    )
    counting = rows.filter(Q(taken_back_at=None) | Q(reversed_at__isnull=False))
    own = {"billing_period_start__gte": since, "billing_period_start__lt": until}
    return [
        (counting.filter(booked_at=None, **own), None),
        (counting.filter(booked_at__gte=since, booked_at__lt=until), late_row),
        (rows.filter(reversed_at__gte=since, reversed_at__lt=until), reversed_row),
    ]


def _imported_columns(export: FocusExport) -> list[list[str]]:
    return [list(source.columns) for source in _sources(export)]


def _sources(export: FocusExport) -> list[FocusImport]:
    wanted = Q()
    for rows, _correct in _imported_rows(export):
        wanted |= Q(pk__in=rows.order_by().values("source"))
    return list(FocusImport.objects.filter(wanted).order_by("pk"))


def _imported(export: FocusExport, layout: Layout) -> Lines:
    for cells in imported_cells(export):
        yield layout.line(cells)


def imported_cells(export: FocusExport) -> Iterator[dict[str, str | None]]:
    """Imported charges by the columns of the version, file by file, in their order; corrections last."""
    tree = scope_tree()
    columns_by_import = {source.pk: tuple(source.columns) for source in _sources(export)}
    account = account_of(tree, export.organisation_id)
    for rows, correct in _imported_rows(export):
        for row in rows.order_by("source_id", "row_number").iterator(chunk_size=ROWS_FETCHED):
            columns = columns_by_import[row.source_id]
            cells = imported_row(export.version, columns, row.cells, read_values(row, tree, account))
            counts_at = row.booked_at if correct is late_row else row.reversed_at
            yield cells if correct is None or counts_at is None else correct(cells, counts_at)


def _allocated(export: FocusExport, tree: ScopeTree, layout: Layout) -> Lines:
    account, visible = account_of(tree, export.organisation_id), frozenset(export.scope_ids)
    for line in allocated_charges(export.organisation_id, export.since, export.until):
        origin, target = (scope_facts(tree, tree.by_path[path].id) for path in (line.origin_scope, line.target_scope))
        for row in allocated_rows(layout, line, account, origin, target):
            if tree.by_path[row["x_ScopePath"] or ""].id in visible:
                yield layout.line(row)


def _committed(export: FocusExport, tree: ScopeTree, layout: Layout) -> Lines:
    """One commitment in one month at a time: what was billed, and what it covered."""
    account, visible = account_of(tree, export.organisation_id), frozenset(export.scope_ids)

    def scope_of(path: str) -> ScopeFacts:
        return scope_facts(tree, tree.by_path[path].id if path else export.organisation_id)

    lines = committed_charges(export.organisation_id, export.since, export.until)
    for (name, start), of_month in groupby(
        lines, key=lambda line: (line.commitment, first_of_month(line.period_start))
    ):
        run = run_in_force(export.organisation_id, Month.of(start))
        held = shared_commitments(run).get(name)
        holder = None if held is None else scope_facts(tree, held.origin_id)
        for row in commitment_rows(list(of_month), account, scope_of, held=held, holder=holder):
            if tree.by_path[row["x_ScopePath"] or ""].id in visible:
                yield layout.line(row)


def read_values(row: FocusRow, tree: ScopeTree, account: Account) -> Mapping[str, str | None]:
    """FOCUS's values as read from the row, and where to find it in Weir."""
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
    """The rows of one import as they were, quarantined ones included: the same columns and cells."""
    yield from chunks(_original_lines(source))


def _original_lines(source: FocusImport) -> Lines:
    layout = Layout(cast("Version", source.version), tuple(source.columns))
    yield layout.header()
    rows = FocusRow.objects.filter(source=source).order_by("row_number").values_list("cells", flat=True)
    width = len(source.columns)
    for cells in rows.iterator(chunk_size=ROWS_FETCHED):
        padded = [*cells, *[None] * (width - len(cells))]
        yield line_of(padded)
