"""Our own dated prices, compiled: the first entry that matches provider, model, service tier and instant holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from allocation.engine.rates import RateCard


@dataclass(frozen=True, slots=True)
class BookEntry:
    """`provider` and `model` are exact names or patterns with `*`; the validity is half-open."""

    provider: str
    model: str
    service_tier: str
    effective_from: datetime
    effective_to: datetime | None
    card: RateCard

    def names(self, provider: str, model: str, service_tier: str) -> bool:
        return (
            self.service_tier == service_tier
            and fnmatchcase(provider, self.provider)
            and fnmatchcase(model, self.model)
        )

    def holds(self, at: datetime) -> bool:
        return self.effective_from <= at and (self.effective_to is None or at < self.effective_to)


def matching(entries: Sequence[BookEntry], provider: str, model: str, service_tier: str) -> tuple[BookEntry, ...]:
    return tuple(entry for entry in entries if entry.names(provider, model, service_tier))
