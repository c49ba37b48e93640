"""Up to when organisations have closed their billing periods."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Max

from allocation.billing_periods.models import BillingPeriod
from governance.calendar.engine import midnight


def closed_until(organisation_ids: Iterable[int]) -> dict[int, datetime]:
    """By organisation id, the end of its last closed period (not included). Organisations that have closed none are
    left out.
    """
    rows = (
        BillingPeriod.objects.filter(organisation_id__in=list(organisation_ids))
        .values_list("organisation_id")
        .annotate(end=Max("end"))
        .order_by("organisation_id")
    )
    return {organisation_id: midnight(end) for organisation_id, end in rows}
