"""What is agreed on with the senders of each organisation."""

from typing import cast

from allocation.sources.documents import PriceFrom
from allocation.sources.engine import Senders, Terms
from allocation.sources.models import UsageSource


def senders_in_force() -> dict[int, Senders]:
    """By organisation; without those of which no sender is declared."""
    terms: dict[int, tuple[dict[str, Terms], dict[str, Terms]]] = {}
    for row in UsageSource.objects.filter(is_current=True).defer("document"):
        by_source, by_key = terms.setdefault(row.organisation_id, ({}, {}))
        named = by_source if row.source else by_key
        named[row.source or row.weir_key] = Terms(
            row.ids_are_unique, cast("PriceFrom", row.price) if row.price else None
        )
    return {organisation_id: Senders(*named) for organisation_id, named in terms.items()}
