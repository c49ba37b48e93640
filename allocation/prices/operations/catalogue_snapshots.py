"""Snapshots of the catalogue: they date what its releases change without saying from when."""

from datetime import datetime

from allocation.prices.engine.catalogue_snapshots import Release, digest_of, installed, replaced
from allocation.prices.models import CatalogueSnapshot


def snapshot_catalogue(*, at: datetime, release: Release | None = None) -> bool:
    """Keeps the prices of the release in use, to hold from `at`, where they are not those of the last snapshot. Whether
    there was something to keep; of processes that find the same release at once one keeps it.
    """
    in_use = release or installed()
    prices = in_use.stated()
    digest = digest_of(prices)
    last = CatalogueSnapshot.objects.defer("prices", "replaced").order_by("-number").first()
    if last is not None and last.digest == digest:
        return False
    snapshot = CatalogueSnapshot(
        number=1 if last is None else last.number + 1,
        version=in_use.version,
        digest=digest,
        taken_at=at,
        prices=prices,
        replaced={} if last is None else replaced(last.prices, prices),
    )
    # A process that was faster has taken the number.
    CatalogueSnapshot.objects.bulk_create([snapshot], ignore_conflicts=True)
    return True
