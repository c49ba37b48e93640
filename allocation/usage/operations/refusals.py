"""Refused records of imports: whose file holds them, and what they are held as once they are replayed."""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allocation.meters.documents import Fault
from allocation.quarantine.models import QuarantinedUsage
from allocation.quarantine.operations import Kept, RefusedRecord
from allocation.usage.engine.costing import CostedRecord
from allocation.usage.engine.statements import statement_of
from allocation.usage.models import ImportedRecord, ImportedRefusal, ImportRun, UsageRecord
from governance.scopes.queries import scope_tree

RecordKey = tuple[str, float]


def hold_refusals(
    *,
    run_id: int,
    accounts: Mapping[int, str],
    refused: Sequence[RefusedRecord],
    kept: Mapping[tuple[str, str], Kept],
) -> None:
    """Remembers which refused records the import's file holds, and holds what was replayed of them. `accounts` by their
    place in the file. Call it inside the transaction that quarantined them.
    """
    of_rows = {kept[each.digest, each.fault.code].row_id: accounts.get(each.index, "") for each in refused}
    ImportedRefusal.objects.bulk_create(
        [ImportedRefusal(source_id=run_id, refused_id=row, account=of_rows[row]) for row in sorted(of_rows)],
        batch_size=2_000,
        ignore_conflicts=True,
    )
    replayed = {(row.record_id, row.record_occurred_at): of_rows[row.row_id] for row in kept.values() if row.record_id}
    if not replayed:
        return
    found = UsageRecord.objects.filter(
        pk__in={key[0] for key in replayed}, occurred_at__in={key[1] for key in replayed}
    ).values_list("pk", "occurred_at", "scope_id")
    nodes = scope_tree().by_id
    ImportedRecord.objects.bulk_create(
        [
            _held(run_id, record_id, occurred_at, nodes[scope_id].root_id, replayed[record_id, occurred_at])
            for record_id, occurred_at, scope_id in found
            if (record_id, occurred_at) in replayed
        ],
        ignore_conflicts=True,
    )


def _held(
    run_id: int, record_id: str | UUID, occurred_at: datetime, root_id: int, account: str, *, is_new: bool = False
) -> ImportedRecord:
    return ImportedRecord(
        source_id=run_id,
        record_id=record_id,
        record_occurred_at=occurred_at,
        is_new=is_new,
        statement=statement_of(root_id, account) if account else "",
    )


@dataclass(frozen=True, slots=True)
class Holders:
    """The imports in force whose files hold a refused record. `alone`: nobody else sent it."""

    refusals: Sequence[ImportedRefusal]
    alone: bool


def imports_of(refused_ids: Iterable[int]) -> dict[int, list[ImportedRefusal]]:
    """By refused record, the imports whose files hold it, which are neither withdrawn nor replaced before the
    transaction ends.
    """
    refusals = ImportedRefusal.objects.filter(refused__in=list(refused_ids))
    runs = ImportRun.objects.filter(pk__in=refusals.values("source")).order_by("pk").select_for_update(no_key=True)
    by_id = {run.pk: run for run in runs}
    of_rows: dict[int, list[ImportedRefusal]] = {}
    for refusal in refusals.filter(source__in=by_id).order_by("source_id"):
        refusal.source = by_id[refusal.source_id]
        of_rows.setdefault(refusal.refused_id, []).append(refusal)
    return of_rows


def holders_of(row: QuarantinedUsage, refusals: Sequence[ImportedRefusal], record: CostedRecord) -> Holders | Fault:
    """Who holds the record that the refused one becomes, or why nobody states it any more."""
    standing = [refusal for refusal in refusals if refusal.source.withdrawn_at is None]
    stated = [refusal for refusal in standing if _replacement(refusal, record) is None]
    if stated or not row.is_of_imports:
        return Holders(stated, row.is_of_imports)
    if not standing:
        last = refusals[-1].source
        return Fault(
            "import_withdrawn",
            f"{last.file_name}, the file it came from, was withdrawn on {last.withdrawn_at:%F}, so that nothing of it"
            " counts. Import the file again, or set the record aside.",
        )
    last = standing[-1].source
    by = _replacement(standing[-1], record)
    return Fault(
        "import_replaced",
        f"{by.file_name if by else 'Another file'} states anew what {last.file_name}, the file it came from, said of"
        " that time, and does not hold it. Set the record aside.",
    )


def _replacement(refusal: ImportedRefusal, record: CostedRecord) -> ImportRun | None:
    """A later import that states the account at that time anew."""
    if not refusal.account:
        return None
    later = ImportRun.objects.filter(
        replaces=True, pk__gt=refusal.source_id, stated__has_key=refusal.account
    ).select_related("scope")
    for run in later.order_by("-pk"):
        since, until = map(datetime.fromisoformat, run.stated[refusal.account])
        if since <= record.event.occurred_at < until and _speaks_for(run, record.root_id, refusal.account):
            return run
    return None


def _speaks_for(run: ImportRun, root_id: int, account: str) -> bool:
    """Whether the import states the account of this organisation: its own, or one that its records went to."""
    if run.scope_id is not None:
        return scope_tree().by_id[run.scope_id].root_id == root_id
    return ImportedRecord.objects.filter(source=run, statement=statement_of(root_id, account)).exists()


def hold_replayed(
    *,
    holders: Mapping[RecordKey, Sequence[Holders]],
    became: MutableMapping[RecordKey, str],
    batch: Sequence[CostedRecord],
    new: Sequence[CostedRecord],
    refused: Sequence[RefusedRecord],
    kept: Mapping[tuple[str, str], Kept],
) -> None:
    """The replayed records belong to the imports whose files hold them; `became` tells the identity of each. Call it
    inside the transaction that recorded them.
    """
    del refused, kept
    became.update({record.key: record.id for record in batch})
    counted = {(record.id, record.at_s) for record in new}
    ImportedRecord.objects.bulk_create(
        [
            _held(
                refusal.source_id,
                record.id,
                record.event.occurred_at,
                record.root_id,
                refusal.account,
                is_new=each.alone and (record.id, record.at_s) in counted,
            )
            for record in batch
            for each in holders.get(record.key, ())
            for refusal in each.refusals
        ],
        ignore_conflicts=True,
    )
