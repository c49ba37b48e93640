"""What waits in quarantine, as money."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Min, Sum

from allocation.quarantine.engine import Waiting, WaitingAmount
from allocation.quarantine.models import QuarantinedUsage, QuarantinedUsageQuerySet
from governance.scopes.queries import ScopeTree


@dataclass(frozen=True, slots=True)
class Quarantined:
    """What waits of a scope and all below it. `cost` sums what is known in the organisation's currency."""

    cost: Decimal = Decimal(0)
    records: int = 0


def waiting_in_quarantine(rows: QuarantinedUsageQuerySet) -> Waiting | None:
    """Of these rows; None where nothing waits. One query."""
    groups = list(
        rows.of_usage()
        .waiting()
        .order_by("currency")
        .values_list("currency")
        .annotate(number=Count("pk"), known=Count("amount"), total=Sum("amount"), oldest=Min("first_seen_at"))
    )
    if not groups:
        return None
    return Waiting(
        records=sum(number for _, number, *_ in groups),
        without_amount=sum(number - known for _, number, known, *_ in groups),
        oldest_at=min(oldest for *_, oldest in groups),
        amounts=[WaitingAmount(currency, total) for currency, _, known, total, _ in groups if known],
    )


def quarantined_by_scope(tree: ScopeTree) -> Mapping[int, Quarantined]:
    """By every scope above a sender's, the sender's own included. What an operator brought in without a scope is in
    none. One query.
    """
    found: dict[int, Quarantined] = {}
    rows = QuarantinedUsage.objects.of_usage().waiting().filter(authority__isnull=False).order_by()
    for authority_id, currency, number, total in rows.values_list("authority_id", "currency").annotate(
        number=Count("pk"), total=Sum("amount")
    ):
        if authority_id not in tree.by_id:
            continue
        known = total if total is not None and currency == tree.by_id[authority_id].currency else Decimal(0)
        for scope_id in tree.ancestors(authority_id):
            before = found.get(scope_id, Quarantined())
            found[scope_id] = Quarantined(before.cost + known, before.records + number)
    return found
