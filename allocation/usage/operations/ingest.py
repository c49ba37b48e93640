"""Recording usage: priced, attributed and counted exactly once, in one transaction per batch."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Protocol

from django.conf import settings
from django.db import transaction

from allocation.attribution.documents import WEIR_KEY
from allocation.meters.documents import Fault, UsageEvent
from allocation.meters.engine.months import Month
from allocation.prices.engine.rates import from_nanos
from allocation.quarantine.engine import Amount
from allocation.quarantine.operations import Kept, RefusedRecord, quarantine, refused_event
from allocation.sources.documents import PriceFrom
from allocation.usage.engine.batches import Batch, batch_of, joined
from allocation.usage.engine.call_prices import PROVIDER
from allocation.usage.engine.costing import CostedRecord, PricingContext
from allocation.usage.engine.counted import counted
from allocation.usage.engine.estimates import estimated_cost
from allocation.usage.engine.reserved import reserved_usage
from allocation.usage.engine.roll_ups import booked_days, postings_of
from allocation.usage.engine.traced_calls import TracedCalls
from allocation.usage.operations.crossings import evaluate_crossings
from allocation.usage.operations.folding import fold
from allocation.usage.operations.identities import unknown
from allocation.usage.operations.journal import Leaving
from allocation.usage.operations.partitions import ensure_partitions
from allocation.usage.operations.posting import AskedAccounts, accounts_asked, post_to_ledger
from allocation.usage.operations.pricing_context import ask_whether_changed, pricing_contexts_for
from allocation.usage.operations.records import FEW, ask_to_insert, insert_records, told_apart
from allocation.usage.operations.results import BATCH_MAX, BatchTooLarge, IngestResult, Rejection
from allocation.usage.operations.retries import with_retries
from allocation.usage.operations.spans import move_spans, told_before
from governance.calendar.engine import day_of
from governance.statements.operations import one_message

NATIVE = "native"
# A cost in these formats is what a gateway or an instrumentation reckons; in every other one it is a bill.
CLAIMS = frozenset({"litellm", "litellm-spend-log", "otlp"})


class HeldBy(Protocol):
    """Remembers which imports hold the records of a batch: `new` of them, and `kept` where they were refused."""

    def __call__(
        self,
        *,
        batch: Sequence[CostedRecord],
        new: Sequence[CostedRecord],
        refused: Sequence[RefusedRecord],
        kept: Mapping[tuple[str, str], Kept],
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What one sender sent at once. `indexes` are the events' places in what was sent, where part of it (`refused`)
    could not be read as events. `weir_key` is the prefix of the sender's key, `billed_by` the price source of a stated
    cost. `held_by` remembers in the same transaction which imports hold the records. `costs_accepted`: a person has
    looked at the stated costs, none is held. `price` is whose price was asked for; None leaves it to what was agreed on
    with the sender. `traced` are the spans that the events are of: a call that an earlier request told of counts once.
    `folded`: roll-ups, charge lines and tasks hold the records when they are recorded; else the next fold adds them.
    `sent_by` is whose the records are where no key sent them.
    """

    events: Sequence[UsageEvent]
    key_scope_id: int | None
    indexes: Sequence[int] | None = None
    refused: Sequence[RefusedRecord] = ()
    source_format: str = NATIVE
    billed_by: str = PROVIDER
    weir_key: str = ""
    held_by: HeldBy | None = None
    costs_accepted: bool = False
    price: PriceFrom | None = None
    traced: TracedCalls | None = None
    folded: bool = True
    sent_by: str = ""

    @property
    def sender(self) -> str:
        """Whose the records are: nobody else's have their identities (ADR 46). Empty where it is not known."""
        return self.weir_key or self.sent_by

    @property
    def is_plain(self) -> bool:
        """Whether it is records alone, without an import or spans that must know of them."""
        return self.held_by is None and self.traced is None

    @property
    def tells_of_spans(self) -> bool:
        """Whether there is something to write even without a record."""
        return self.traced is not None and self.traced.tells_anything


@dataclass(frozen=True, slots=True)
class CostedSubmission:
    """A submission's records to insert, of `count` that could be costed, and those refused."""

    submission: Submission
    context: PricingContext
    batch: Batch
    count: int
    refused: Sequence[RefusedRecord]


@dataclass(frozen=True, slots=True)
class Written:
    """The records that were new, and the number of the transaction as IngestResult has it. `apart` are records kept
    apart from another sender's, by their keys.
    """

    new: Sequence[CostedRecord] = ()
    evaluated_in: int = 0
    apart: Mapping[tuple[str, float], CostedRecord] = field(default_factory=dict)


def record_usage(
    *,
    events: Sequence[UsageEvent],
    key_scope_id: int | None,
    at: datetime,
    indexes: Sequence[int] | None = None,
    refused: Sequence[RefusedRecord] = (),
    source_format: str = NATIVE,
    billed_by: str = PROVIDER,
    weir_key: str = "",
    held_by: HeldBy | None = None,
    costs_accepted: bool = False,
    price: PriceFrom | None = None,
    traced: TracedCalls | None = None,
    folded: bool = True,
    sent_by: str = "",
) -> IngestResult:
    """Records new events and quarantines the refused ones; the arguments are a Submission's. Raises batch_too_large."""
    submission = Submission(
        events=events, key_scope_id=key_scope_id, indexes=indexes, refused=refused, source_format=source_format,
        billed_by=billed_by, weir_key=weir_key, held_by=held_by, costs_accepted=costs_accepted,
        price=price, traced=traced, folded=folded, sent_by=sent_by,
    )  # fmt: skip
    return record_submission(submission, at=at)


def record_submission(submission: Submission, *, at: datetime) -> IngestResult:
    """As `record_usage`."""
    written, as_last_known = None, True
    while written is None:
        contexts = pricing_contexts_for(key_scope_ids={submission.key_scope_id}, at=at, as_last_known=as_last_known)
        costed = cost_submission(submission, contexts[submission.key_scope_id])
        written = write_submissions([costed], at=at)
        as_last_known = False
    return result_of(costed, written)


def cost_submission(submission: Submission, context: PricingContext) -> CostedSubmission:
    """Prices and attributes the events; `context` is that of the sender's key. Raises batch_too_large."""
    events, refused = submission.events, submission.refused
    if len(events) + len(refused) > BATCH_MAX:
        raise BatchTooLarge(f"A batch holds at most {BATCH_MAX:,} records; split it.")
    context = replace(
        context,
        billed_by=submission.billed_by,
        held_ratio=0 if submission.costs_accepted else held_ratio(submission.source_format),
        price=submission.price,
        weir_key=submission.weir_key,
        sender=submission.sender,
    )
    costed, refused_events = _costed(
        context, _with_key(context, events, submission.weir_key), submission.indexes or range(len(events))
    )
    every_refused = [_with_amount(record, context) for record in (*refused, *refused_events)]
    return CostedSubmission(submission, context, batch_of(costed), len(costed), every_refused)


def write_submissions(costed: Sequence[CostedSubmission], *, at: datetime) -> Written | None:
    """Writes one submission, or plain ones that have no record in common and were costed at once, in one transaction.
    None, with nothing written, when prices, rules, senders or billing periods are others since they were costed.
    """
    records = [record for each in costed for record in each.batch.records]
    if not records and not any(each.refused or each.submission.tells_of_spans for each in costed):
        return Written()
    ensure_partitions({Month.of(day_of(record.event.occurred_at)) for record in records})
    try:
        return with_retries(partial(_write_all, costed, at))
    except _ChangedMeanwhileError:
        return None


def result_of(costed: CostedSubmission, written: Written) -> IngestResult:
    """What became of the submission; of what was written, its own records."""
    new = written.new
    return IngestResult(
        accepted=len(new),
        duplicate=costed.count - len(new),
        rejected=tuple(
            sorted(
                (
                    Rejection(record.index, record.fault.code, record.fault.message, record.fault.field)
                    for record in costed.refused
                ),
                key=lambda rejection: rejection.index,
            )
        ),
        costs=_costs(new, costed.context),
        unpriced=sum(record.cost_nanos is None and record.event.status == "success" for record in new),
        evaluated_in=written.evaluated_in,
    )


def _costs(records: Sequence[CostedRecord], context: PricingContext) -> dict[str, Decimal]:
    nanos: Counter[str] = Counter()
    for record in records:
        nanos[context.organisations[record.root_id].prices.currency] += record.cost_nanos or 0
    return {currency: from_nanos(total) for currency, total in sorted(nanos.items())}


def held_ratio(source_format: str) -> int:
    """From how many times above or below the price list's a cost stated in this format is held; 0 for never."""
    return settings.USAGE_COST_HELD_RATIO if source_format in CLAIMS or settings.USAGE_BILLS_HELD else 0


def _with_amount(record: RefusedRecord, context: PricingContext) -> RefusedRecord:
    """With what it would cost at list prices, where it states no cost."""
    if record.amount is not None or record.payload is None:
        return record
    cost = estimated_cost(record.payload, context)
    return record if cost is None else replace(record, amount=Amount(cost, is_estimate=True))


def _with_key(context: PricingContext, events: Sequence[UsageEvent], weir_key: str) -> Sequence[UsageEvent]:
    """The events with the Weir key among their attributes, copied only where a key or rule of the organisation reads
    it: copying every event would slow down all others.
    """
    if not weir_key or context.home is None or not context.home.matcher.reads_weir_key:
        return events
    return [
        event.model_copy(update={"attributes": {**(event.attributes or {}), WEIR_KEY: weir_key}})
        if event.scope is None
        else event
        for event in events
    ]


def _costed(
    context: PricingContext, events: Iterable[UsageEvent], indexes: Iterable[int]
) -> tuple[list[CostedRecord], list[RefusedRecord]]:
    costed: list[CostedRecord] = []
    refused: list[RefusedRecord] = []
    for index, event in zip(indexes, events, strict=True):
        costed_or_fault = context.cost(event)
        if isinstance(costed_or_fault, Fault):
            refused.append(refused_event(index, costed_or_fault, event))
        else:
            costed.append(costed_or_fault)
    return costed, refused


class _ChangedMeanwhileError(Exception):
    """Takes back what was written of records that are to be costed again."""


@transaction.atomic
def _write_all(costed: Sequence[CostedSubmission], at: datetime) -> Written:
    batch = joined([each.batch for each in costed])
    first = costed[0].submission
    # Asked for by the message that inserts, where there is one.
    accounts = accounts_asked(booked_days(batch.records)) if len(batch.records) <= FEW else None
    new = _insert(batch, at, costed[0].context, first, accounts)
    crossed = _count(batch, new, at, accounts, folded=any(each.submission.folded for each in costed))
    apart = {record.key: record for record in new if record.is_apart}
    if apart and first.traced is not None:
        move_spans(first.key_scope_id, first.traced, apart.values())
    for each in costed:
        sent = each.submission
        kept = quarantine(
            refused=each.refused, authority_id=sent.key_scope_id, source_format=sent.source_format, at=at,
            is_of_import=sent.held_by is not None, sender=sent.sender,
        )  # fmt: skip
        if sent.held_by is not None:
            held = [apart.get(record.key, record) for record in each.batch.records]
            sent.held_by(batch=held, new=new, refused=each.refused, kept=kept)
    return Written(new, evaluate_crossings(crossed, at), apart)


def _insert(
    batch: Batch, at: datetime, context: PricingContext, first: Submission, accounts: AskedAccounts | None
) -> list[CostedRecord]:
    """Inserts the records and returns the new ones. `first` is of those sent the one that may tell of spans. Asks for
    the accounts where one message inserts the records.
    """
    # What nothing but its own identity tells apart goes in the message that asks whether it may.
    is_plain = not batch.names and first.traced is None
    offered = batch.records if is_plain else ()
    with one_message() as message:
        is_changed = ask_whether_changed(message, context, {record.root_id for record in batch.records})
        inserted = ask_to_insert(message, offered, at)
        if inserted is not None and accounts is not None:
            accounts.ask(message)
    if is_changed():
        raise _ChangedMeanwhileError
    if not is_plain:
        offered = unknown(batch)
        # Spans of senders with another scope tell nothing of these: who might write theirs could take them back.
        if first.traced is not None:
            offered = told_before(first.key_scope_id, first.traced, offered)
    new = insert_records(offered, at) if inserted is None else inserted()
    if len(new) < len(offered):
        known = {record[:2] for record in new}
        apart = told_apart([record for record in offered if record[:2] not in known])
        new = [*new, *insert_records(sorted(apart, key=lambda record: record[:2]), at)]
    return new


def _count(
    batch: Batch, new: Sequence[CostedRecord], at: datetime, accounts: AskedAccounts | None, *, folded: bool
) -> AbstractSet[int]:
    """Charges and counts the new records. Returns the scopes whose budget they brought to a watched line; none where
    the fold has marked them. A batch with nothing new is folded too: it shows that usage still arrives.
    """
    heard_from = {record.root_id for record in batch.records}
    if not heard_from:
        return frozenset()
    added = counted(new, received_s=at.timestamp(), root_ids=heard_from)
    reserved = reserved_usage(new)
    if folded:
        post_to_ledger(postings_of(added), at, reserved, accounts=accounts)
        fold([added], at=at)
        return frozenset()
    leaving = Leaving(added)
    crossed = post_to_ledger(postings_of(added), at, reserved, beside=leaving.ask, accounts=accounts)
    leaving.see()
    return crossed
