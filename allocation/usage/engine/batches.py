"""A batch of costed records, each identity once."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from allocation.usage.engine.costing import CostedRecord


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in the order of their identities. `names` are those of the records that are told apart by id alone: their
    ids and, by the same digest, their other ids, with the record that each is of.
    """

    records: Sequence[CostedRecord]
    names: Mapping[str, CostedRecord]

    def without_known(self, *, ids: AbstractSet[str], known: AbstractSet[str]) -> list[CostedRecord]:
        """The records but for those told apart by id alone that an earlier batch told of. Of the names that were there
        before, `ids` are the ids of records and `known` are these and other ids: an other id is that of the same call
        only where it is an id.
        """
        return [
            record
            for record in self.records
            if record.event.identity != "id" or (record.id not in known and ids.isdisjoint(other_ids_of(record)))
        ]


def batch_of(costed: Sequence[CostedRecord]) -> Batch:
    """The last record of each identity. In the order of identity, so that two batches with the same records wait for
    each other and never deadlock.
    """
    by_id = [record for record in costed if record.event.identity == "id"]
    unique = {(record.id, record.at_s): record for record in costed}
    names: dict[str, CostedRecord] = {}
    if by_id:
        kept = {(record.id, record.at_s): record for record in _last_of_each(by_id)}
        ids = {record.id for record in by_id}
        unique = {key: record for key, record in unique.items() if key[0] not in ids} | kept
        names = {name: record for record in by_id for name in (*other_ids_of(record), record.id)}
    return Batch([unique[key] for key in sorted(unique)], names)


def joined(batches: Sequence[Batch]) -> Batch:
    """One batch of batches that have no record in common."""
    if len(batches) == 1:
        return batches[0]
    records = sorted((record for batch in batches for record in batch.records), key=lambda record: record[:2])
    return Batch(records, {name: record for batch in batches for name, record in batch.names.items()})


def apart(batches: Sequence[Batch]) -> list[bool]:
    """Of each batch, whether it has no record in common with those before it that have none either."""
    taken: set[str] = set()
    answers = []
    for batch in batches:
        names = {record.id for record in batch.records} | batch.names.keys()
        answers.append(taken.isdisjoint(names))
        if answers[-1]:
            taken |= names
    return answers


def _last_of_each(records: Sequence[CostedRecord]) -> Iterable[CostedRecord]:
    ids: set[str] = set()
    others: set[str] = set()
    for record in reversed(records):
        theirs = other_ids_of(record)
        if record.id not in ids and record.id not in others and ids.isdisjoint(theirs):
            yield record
        ids.add(record.id)
        others.update(theirs)


def other_ids_of(record: CostedRecord) -> list[str]:
    """The identities that the record's other ids would have."""
    return [record.identity_of(other) for other in record.event.other_ids]
