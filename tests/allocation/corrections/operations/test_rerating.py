from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.db.models import Sum

from allocation.billing_periods.operations import close_period
from allocation.corrections.models import Adjustment
from allocation.corrections.operations import event_of, rerate_usage
from allocation.corrections.queries import cost_as_known
from allocation.usage.models import Task, TaskDay, UsageCharge, UsageDay, UsageRecord
from allocation.usage.operations import record_usage
from governance.records.models import DecisionRecord
from governance.scopes.models import Scope
from tests.allocation.attribution_rules import apply_rules
from tests.allocation.conftest import AT, SYSTEM, event
from tests.allocation.corrections.corrected_prices import BOOK, NOVEMBER, costs, rerate
from tests.allocation.corrections.reattributed import again
from tests.allocation.prices.operations.test_price_books import apply_book
from tests.allocation.prices.published_book import PUBLISHED


def test_a_stored_record_is_priced_again_with_all_it_holds(acme: Scope) -> None:
    apply_book(PUBLISHED)
    tokens = {"input": 1000, "cache_write": 600, "cache_write_1h": 200, "output": 50, "image_output": 10}
    sent = event(model="talker", tokens=tokens, quantities={"web_search": 2, "audio_second": "1.5"})
    record_usage(events=[sent], key_scope_id=acme.pk, at=AT)
    again = event_of(UsageRecord.objects.get())
    assert (again.tokens, again.quantities) == (sent.tokens, sent.quantities)
    apply_book(PUBLISHED.replace('web_search: "0.01"', 'web_search: "0.02"'))
    outcome = rerate_usage(
        organisation=acme, since=AT - timedelta(days=1), until=AT, reason="dearer searches", actor=SYSTEM, at=AT
    )
    assert (outcome.corrected, outcome.change) == (1, Decimal("0.02"))


AGREED = """spec:
  contract: C
  discount_percent: {discount}"""
OCTOBER = datetime(2026, 10, 10, 9, tzinfo=UTC)


def test_a_corrected_price_becomes_adjustments_and_the_records_stay(acme: Scope, search: Scope) -> None:
    apply_book(BOOK.format(price="4"))
    events = [event(task_id="t-1"), event(task_id="t-1"), event()]
    record_usage(events=events, key_scope_id=acme.pk, at=AT)
    assert costs(search) == [Decimal("0.015")] * 5
    apply_book(BOOK.format(price="3"))
    dry = rerate(acme, dry_run=True)
    assert (dry.looked_at, dry.corrected, dry.change, Adjustment.objects.count()) == (3, 3, Decimal("-0.003"), 0)
    later = AT + timedelta(hours=1)
    done = rerate(acme, at=later)
    assert (done.run.records, done.run.cost, done.run.finished_at) == (3, Decimal("-0.003"), later)
    assert costs(search) == [Decimal("0.012")] * 5
    assert set(UsageRecord.objects.values_list("cost", flat=True)) == {Decimal("0.005")}
    assert Task.objects.get().cost == TaskDay.objects.get().cost == Decimal("0.008")
    assert DecisionRecord.objects.filter(action="usage.rerate").count() == 1
    known = {"scope_ids": [search.pk], "since": NOVEMBER[0], "until": NOVEMBER[1]}
    assert cost_as_known(**known, known_at=AT) == {search.pk: Decimal("0.015")}
    assert cost_as_known(**known, known_at=AT - timedelta(seconds=1)) == {search.pk: Decimal(0)}
    assert cost_as_known(**known, known_at=later) == {search.pk: Decimal("0.012")}


def test_what_had_no_price_gets_one(acme: Scope, search: Scope) -> None:
    record_usage(events=[event(model="house-model", requests=2)], key_scope_id=acme.pk, at=AT)
    assert (UsageDay.objects.get().unpriced_requests, UsageDay.objects.get().cost) == (2, Decimal(0))
    apply_book(BOOK.format(price="3").replace("gpt-4o", "house-*"))
    rerate(acme)
    day = UsageDay.objects.get()
    assert (day.unpriced_requests, day.requests, day.cost) == (0, 2, Decimal("0.004"))
    assert rerate(acme).corrected == 0


def test_what_the_provider_billed_is_not_priced_again(acme: Scope, search: Scope) -> None:
    record_usage(events=[event(cost=Decimal(7)), event(cached_response=True)], key_scope_id=acme.pk, at=AT)
    apply_book(BOOK.format(price="3"))
    assert rerate(acme).looked_at == 0
    assert costs(search) == [Decimal(7)] * 5


def test_a_closed_month_keeps_its_figures(acme: Scope, search: Scope) -> None:
    record_usage(events=[event(occurred_at=OCTOBER, task_id="t")], key_scope_id=acme.pk, at=AT)
    before = list(UsageDay.objects.values())
    close_period(organisation=acme, month=date(2026, 10, 1), reason="Books", actor=SYSTEM, at=AT)
    apply_book(BOOK.format(price="3"))
    rerate(acme, period=(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)))
    record_usage(events=[event(occurred_at=OCTOBER, id="late", task_id="t")], key_scope_id=acme.pk, at=AT)
    october, november = UsageDay.objects.order_by("bucket")
    assert UsageDay.objects.filter(pk=october.pk).values().get() == before[0]
    assert (november.bucket.date(), november.requests, november.cost) == (AT.date(), 1, Decimal("0.0045"))
    late = UsageRecord.objects.get(event_id="late")
    assert (late.occurred_at, late.booked_at) == (OCTOBER, AT)
    assert sorted(UsageCharge.objects.values_list("day", "meter", "charge_class", "effective_cost")) == [
        (date(2026, 10, 10), "input", "", Decimal("0.0025")),
        (date(2026, 10, 10), "output", "", Decimal("0.001")),
        (date(2026, 11, 24), "adjustment", "Correction", Decimal("0.0005")),
        (date(2026, 11, 24), "input", "Correction", Decimal("0.003")),
        (date(2026, 11, 24), "output", "Correction", Decimal("0.001")),
    ]
    assert list(TaskDay.objects.order_by("day").values_list("day", "tasks", "requests", "cost")) == [
        (date(2026, 10, 10), 1, 1, Decimal("0.0035")), (date(2026, 11, 24), 0, 1, Decimal("0.0045")),
    ]  # fmt: skip
    assert costs(search) == [Decimal("0.008")] * 5


def test_a_discount_agreed_later_leaves_the_list_cost_alone(acme: Scope, search: Scope) -> None:
    apply_book(BOOK.format(price="3").replace("spec:", AGREED.format(discount=20)))
    record_usage(events=[event(), event(gpu_seconds=Decimal(60))], key_scope_id=acme.pk, at=AT)
    assert charged() == (Decimal("0.008"), Decimal("0.0064"))
    apply_book(BOOK.format(price="3").replace("spec:", AGREED.format(discount=50)))
    assert rerate(acme).change == Decimal("-0.0024")
    assert charged() == (Decimal("0.008"), Decimal("0.004"))
    apply_book(BOOK.format(price="6").replace("spec:", AGREED.format(discount=50)))
    rerate(acme)
    assert charged() == (Decimal("0.014"), Decimal("0.007"))
    assert rerate(acme).corrected == 0


def test_a_list_price_that_rises_with_its_discount_changes_the_list_cost_alone(acme: Scope) -> None:
    apply_book(BOOK.format(price="3"))
    record_usage(events=[event(), event(model="other")], key_scope_id=acme.pk, at=AT)
    apply_book(BOOK.format(price="6").replace('"10"', '"20"').replace("spec:", AGREED.format(discount=50)))
    assert rerate(acme).corrected == 1
    assert charged() == (Decimal("0.008"), Decimal("0.004"))


def test_the_list_cost_moves_with_a_record_to_its_other_scope(acme: Scope) -> None:
    apply_book(BOOK.format(price="3").replace("spec:", AGREED.format(discount=50)))
    record_usage(events=[event(scope=None, attributes={"team": "search"})], key_scope_id=acme.pk, at=AT)
    apply_rules()
    again()
    lines = UsageCharge.objects.values_list("scope__path").annotate(at_list=Sum("list_cost"), paid=Sum("billed_cost"))
    assert {path: sums for path, *sums in lines if any(sums)} == {"acme/search": [Decimal("0.004"), Decimal("0.002")]}


def charged() -> tuple[Decimal, Decimal]:
    """What all charge lines cost at list prices, and what was paid."""
    sums = UsageCharge.objects.aggregate(at_list=Sum("list_cost"), paid=Sum("effective_cost"))
    return sums["at_list"], sums["paid"]
