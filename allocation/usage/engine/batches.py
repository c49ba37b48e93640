"""A batch of costed records, each identity once."""

from collections.abc import Sequence
from dataclasses import dataclass

from allocation.usage.engine.costing import CostedRecord


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in the order of their identities. Those whose `id` is in `unique_ids` are told apart by it alone, all
    others by id and instant.
    """

    records: Sequence[CostedRecord]
    unique_ids: frozenset[str]


def batch_of(costed: Sequence[CostedRecord]) -> Batch:
    """The last record of each identity. In the order of identity, so that two batches with the same records wait for
    each other and never deadlock.
    """
    unique_ids = frozenset(record.id for record in costed if record.event.identity == "id")
    if not unique_ids:
        unique = {(record.id, record.at_s): record for record in costed}
    else:
        unique = {(record.id, 0.0 if record.id in unique_ids else record.at_s): record for record in costed}
    return Batch([unique[key] for key in sorted(unique)], unique_ids)
