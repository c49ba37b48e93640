"""What was agreed on with senders, for each record that comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from allocation.sources.documents import PriceFrom


@dataclass(frozen=True, slots=True)
class Terms:
    """`price` None: as the request or the record states."""

    ids_are_unique: bool = False
    price: PriceFrom | None = None


NO_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class Senders:
    """Terms by the source that records state, and by the prefix of the Weir key they came with."""

    by_source: Mapping[str, Terms] = field(default_factory=dict)
    by_key: Mapping[str, Terms] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_source or self.by_key)

    def terms_of(self, source: str, weir_key: str) -> Terms:
        """The key's and the source's together; the key's price goes before the source's."""
        of_source, of_key = self.by_source.get(source, NO_TERMS), self.by_key.get(weir_key, NO_TERMS)
        return Terms(of_source.ids_are_unique or of_key.ids_are_unique, of_key.price or of_source.price)


NOBODY = Senders()
