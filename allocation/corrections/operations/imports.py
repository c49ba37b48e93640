"""Usage imports withdrawn, and statements replaced: what no import holds any more is taken back, and counts again when
an import holds it again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from allocation.corrections.models import Adjustment, AdjustmentKind, AdjustmentRun
from allocation.corrections.operations.adjustments import begin_run, finish_run
from allocation.corrections.operations.taking_back import count_again, take_back
from allocation.corrections.queries import corrected_records, identity_of
from allocation.meters.engine.months import Month
from allocation.usage.engine.statements import statement_of
from allocation.usage.models import ImportedRecord, ImportedRefusal, ImportRun, UsageRecord
from allocation.usage.operations import with_retries
from allocation.usage.queries import in_dropped_months, without_records
from governance.calendar.engine import DAY
from governance.errors import DomainError, NotFound, ReasonMissing
from governance.people.rules import Actor, check_may_change, check_operates
from governance.scopes.models import Scope
from governance.scopes.queries import scope_tree

BATCH = 1_000


class ImportWithdrawn(DomainError):
    """The import was withdrawn before."""

    code = "import_withdrawn"
    status = 409


class RecordsDropped(DomainError):
    """Records that would be taken back are gone after their retention, so that it is not known what each counts for."""

    code = "records_dropped"
    status = 409

    @classmethod
    def of(cls, file_name: str, months: Sequence[Month]) -> "RecordsDropped":
        named = " and ".join(f"{month.start:%B %Y}" for month in months)
        return cls(
            f"{file_name} holds usage of {named}, whose records were deleted after their retention: what they count for"
            " now cannot be taken back exactly, so nothing is. Send what is wrong as a credit instead: a record of"
            " today with a cost below zero, for the same scope and model.",
            months=[str(month) for month in months],
        )


class ImportNotListed(DomainError):
    """Which records the import brought was not kept: it is older than withdrawing, or of outcomes."""

    code = "import_not_listed"
    status = 422


def withdraw_import(*, import_id: int, reason: str, actor: Actor, at: datetime) -> ImportRun:
    """The records that the import brought, and that no other import in force holds, count no more, taken back in
    batches, each in its own transaction. The same file may be imported again, and counts then. Raises reason_missing,
    import_withdrawn, import_not_listed, records_dropped and, for an unknown id, NotFound.
    """
    if not reason.strip():
        raise ReasonMissing("Say why the import is withdrawn; the reason goes on record.")
    run = _withdrawn(import_id, reason.strip(), actor, at)
    why = f"{run.file_name} is withdrawn (usage import {run.pk}): {reason.strip()}"
    held = ImportedRecord.objects.filter(source=run)
    _correct(AdjustmentKind.TAKE_BACK, _unheld(held), why, actor, at)
    return run


@transaction.atomic
def _withdrawn(import_id: int, reason: str, actor: Actor, at: datetime) -> ImportRun:
    run = ImportRun.objects.select_for_update(of=("self",)).select_related("scope").filter(pk=import_id).first()
    if run is None:
        raise NotFound(f"There is no import {import_id}.")
    if run.scope is None:
        check_operates(actor)
    else:
        check_may_change(actor, "allocation.adjustmentrun", run.scope.path)
    if run.withdrawn_at is not None:
        raise ImportWithdrawn(f"{run.file_name} was withdrawn on {run.withdrawn_at:%F}; none of it counts.")
    if run.accepted and not run.records.exists():
        raise ImportNotListed(f"Which records {run.file_name} brought was not kept, so that they cannot be taken back.")
    if months := without_records(ImportedRecord.objects.filter(source=run, released_at=None)):
        raise RecordsDropped.of(run.file_name, months)
    run.withdrawn_at, run.withdrawn_by, run.withdrawal_reason = at, actor.label[:300], reason[:500]
    run.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawal_reason"])
    ImportedRecord.objects.filter(source=run, released_at=None).update(released_at=at)
    return run


@dataclass(frozen=True, slots=True)
class Settlement:
    """The earlier imports, by number, of which the import has replaced something by something else, and the months of
    theirs that stay as they were stated, since their records are gone.
    """

    replaced: tuple[int, ...]
    kept: tuple[Month, ...] = ()


def settle_import(*, import_id: int, actor: Actor, at: datetime, is_additional: bool = False) -> Settlement:
    """What the finished import holds counts, also where it was taken back before; what earlier imports said of the
    accounts and periods that it states, and it does not, is taken back, unless it `is_additional`: a part of what
    stands there. Done again it changes nothing.
    """
    run = ImportRun.objects.select_related("scope").get(pk=import_id)
    check_may_change(actor, "allocation.importrun", run.scope.path if run.scope else "")
    held = ImportedRecord.objects.filter(source=run, released_at=None)
    taken_back = Adjustment.objects.filter(
        record_id=OuterRef("record_id"), record_occurred_at=OuterRef("record_occurred_at"),
        run__kind=AdjustmentKind.TAKE_BACK,
    )  # fmt: skip
    why = f"{run.file_name} holds it (usage import {run.pk})"
    _correct(AdjustmentKind.COUNT_AGAIN, held.filter(Exists(taken_back)), why, actor, at)
    if is_additional:
        return Settlement(())
    settlement = _release(run, at)
    why = f"{run.file_name} states it anew (usage import {run.pk})"
    _correct(AdjustmentKind.TAKE_BACK, _unheld(ImportedRecord.objects.filter(released_by=run)), why, actor, at)
    return settlement


@transaction.atomic
def _release(run: ImportRun, at: datetime) -> Settlement:
    """Takes what the import states from every earlier one, also what was released before: a correction of it that
    broke off goes on.
    """
    of_accounts = ImportedRefusal.objects.filter(account__in=list(run.stated)).values("source")
    # A refused record of theirs is replayed before, and then leaves with the others, or after, and is held against it.
    list(ImportRun.objects.filter(Q(pk=run.pk) | Q(pk__in=of_accounts)).order_by("pk").select_for_update())
    ImportRun.objects.filter(pk=run.pk).update(replaces=bool(run.stated))
    replaced: set[int] = set()
    kept: set[Month] = set()
    dropped = in_dropped_months("record_occurred_at")
    held = ImportedRecord.objects.filter(
        source=run, record_id=OuterRef("record_id"), record_occurred_at=OuterRef("record_occurred_at")
    )
    roots = _roots_of(run)
    for account, (since, until) in run.stated.items():
        earlier = ImportedRecord.objects.exclude(source=run).filter(
            statement__in=[statement_of(root_id, account) for root_id in roots],
            record_occurred_at__gte=since,
            record_occurred_at__lt=until,
        )
        if dropped is not None:
            kept.update(without_records(earlier.filter(~Exists(held), released_at=None)))
            earlier = earlier.exclude(dropped)
        gone = earlier.filter(~Exists(held), released_at=None)
        replaced |= set(gone.order_by().values_list("source_id", flat=True).distinct())
        earlier.update(released_by=run, released_at=Coalesce("released_at", Value(at)))
    return Settlement(tuple(sorted(replaced)), tuple(sorted(kept)))


def _roots_of(run: ImportRun) -> list[int]:
    """Ids of the organisations of which the import speaks: its own, or all that its records went to."""
    tree = scope_tree()
    if run.scope_id is not None:
        return [tree.by_id[run.scope_id].root_id]
    held = set(ImportedRecord.objects.filter(source=run).order_by().values_list("statement", flat=True).distinct())
    roots = {node.root_id for node in tree.by_id.values()}
    return [root for root in roots if any(statement_of(root, account) in held for account in run.stated)]


def _unheld(held: QuerySet[ImportedRecord]) -> QuerySet[ImportedRecord]:
    """Of these, what no import holds any more and only imports told of."""
    alike = ImportedRecord.objects.filter(
        record_id=OuterRef("record_id"), record_occurred_at=OuterRef("record_occurred_at")
    )
    return held.filter(~Exists(alike.filter(released_at=None)), Exists(alike.filter(is_new=True)))


def _correct(kind: str, held: QuerySet[ImportedRecord], why: str, actor: Actor, at: datetime) -> None:
    """In a run for each organisation, begun with its first correction."""
    nodes, runs = scope_tree().by_id, dict[int, AdjustmentRun]()
    bounds = held.order_by().aggregate(first=Min("record_occurred_at"), last=Max("record_occurred_at"))
    for records in _batches(held):
        corrected = corrected_records(records)
        wanted = kind == AdjustmentKind.TAKE_BACK
        changing = [record for record in records if corrected[identity_of(record)].counts is wanted]
        for root_id in sorted({nodes[record.scope_id].root_id for record in changing}):
            if root_id not in runs:
                runs[root_id] = begin_run(
                    kind=kind, organisation=Scope.objects.get(pk=root_id), since=bounds["first"],
                    until=bounds["last"] + DAY, reason=why[:500], actor=actor, at=at,
                )  # fmt: skip
            of_root = [record for record in changing if nodes[record.scope_id].root_id == root_id]
            correct = take_back if wanted else count_again
            with_retries(partial(correct, run=runs[root_id], records=of_root, at=at))
    for run in runs.values():
        finish_run(run, at=at)


def _batches(held: QuerySet[ImportedRecord]) -> Iterator[list[UsageRecord]]:
    keys = list(held.order_by("pk").values_list("record_id", "record_occurred_at"))
    for start in range(0, len(keys), BATCH):
        part = set(keys[start : start + BATCH])
        instants = {occurred_at for _, occurred_at in part}
        found = UsageRecord.objects.filter(pk__in={record_id for record_id, _ in part}, occurred_at__in=instants)
        yield [record for record in found if (record.pk, record.occurred_at) in part]
