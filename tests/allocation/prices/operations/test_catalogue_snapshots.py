from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connections, transaction

from allocation.corrections.operations import rerate_usage
from allocation.prices.engine.catalogue import VERSION
from allocation.prices.engine.catalogue_snapshots import Release
from allocation.prices.engine.differences import PriceKey
from allocation.prices.models import CatalogueSnapshot
from allocation.prices.operations import snapshot_catalogue
from allocation.prices.queries import catalogue_prices
from allocation.prices.tasks import snapshot_catalogue as task
from allocation.usage.models import UsageRecord
from allocation.usage.operations import record_usage
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM, event
from tests.allocation.prices.invented_catalogue import in_use, model, provider
from tests.database_owner import as_owner

OLD, NEW = (Release(version, provider(model("glow", price))) for version, price in (("0.1", "1"), ("0.2", "3")))
HOUR = timedelta(hours=1)
CALL = {"provider": "lumen", "model": "glow-9", "tokens": {"input": 1_000_000}}


def kept() -> list[tuple[object, ...]]:
    return list(CatalogueSnapshot.objects.order_by("number").values_list("number", "version", "taken_at"))


def costs() -> list[tuple[Decimal | None, str]]:
    return list(UsageRecord.objects.order_by("occurred_at", "pk").values_list("cost", "price_version"))


@pytest.fixture
def newer_release(db: None) -> Iterator[None]:
    """In use since an hour ago."""
    snapshot_catalogue(at=AT - 9 * HOUR, release=OLD)
    snapshot_catalogue(at=AT - HOUR, release=NEW)
    with in_use(list(NEW.providers)):
        yield


def test_a_snapshot_is_kept_where_prices_are_others(db: None) -> None:
    taken = [
        snapshot_catalogue(at=AT + hours * HOUR, release=release)
        for hours, release in enumerate([OLD, OLD, NEW, NEW, OLD])
    ]
    assert taken == [True, False, True, False, True]
    assert kept() == [(1, "0.1", AT), (2, "0.2", AT + 2 * HOUR), (3, "0.1", AT + 4 * HOUR)]


def test_the_task_keeps_the_installed_catalogue_once(db: None) -> None:
    task()
    task()
    assert list(CatalogueSnapshot.objects.values_list("number", "version", "replaced")) == [(1, VERSION, {})]


@pytest.mark.django_db(transaction=True)
def test_of_processes_that_find_a_new_release_at_once_one_keeps_it() -> None:
    def take(release: Release) -> None:
        try:
            snapshot_catalogue(at=AT, release=release)
        finally:
            connections.close_all()

    for release in (OLD, NEW):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(take, [release] * 8))
    assert kept() == [(1, "0.1", AT), (2, "0.2", AT)]


def test_snapshots_are_never_changed(db: None) -> None:
    snapshot_catalogue(at=AT, release=OLD)
    for change in (lambda: CatalogueSnapshot.objects.update(version="9"), CatalogueSnapshot.objects.all().delete):
        with as_owner(), pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()
    assert kept() == [(1, "0.1", AT)]


def test_late_usage_has_the_price_of_its_time(acme: Scope, newer_release: None) -> None:
    late, now = event(**CALL, occurred_at=AT - 2 * HOUR), event(**CALL, occurred_at=AT - HOUR)
    assert record_usage(events=[late, now], key_scope_id=acme.pk, at=AT).accepted == 2
    assert costs() == [(Decimal(1), "0.1"), (Decimal(3), VERSION)]


def test_a_newer_release_corrects_nothing_that_was_priced_before_it(acme: Scope) -> None:
    snapshot_catalogue(at=AT - 9 * HOUR, release=OLD)
    with in_use(list(OLD.providers)):
        record_usage(events=[event(**CALL, occurred_at=AT - 2 * HOUR)], key_scope_id=acme.pk, at=AT - HOUR)
    snapshot_catalogue(at=AT - HOUR, release=NEW)
    with in_use(list(NEW.providers)):
        again = rerate_usage(
            organisation=acme, since=AT - 24 * HOUR, until=AT, reason="a new release", actor=SYSTEM, at=AT
        )
    assert (again.looked_at, again.corrected) == (1, 0)


def test_a_comparison_with_the_catalogue_takes_the_prices_of_the_instant(newer_release: None) -> None:
    key = PriceKey("lumen", "glow-9", "standard", 0, "input")
    stated = [catalogue_prices([key], AT - hours * HOUR) for hours in (2, 1)]
    assert stated == [{key: Decimal(1)}, {key: Decimal(3)}]
