"""Finding the scope of a usage record: ordered rules on its attributes, the first that matches wins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase

CACHE_MAX = 50_000


@dataclass(frozen=True, slots=True)
class Rule:
    """All of `when` must match: exact values, or patterns with `*`. The validity is half-open, in UTC days."""

    name: str
    when: tuple[tuple[str, str], ...]
    scope_id: int
    effective_from: date | None = None
    effective_to: date | None = None

    def matches(self, attributes: Mapping[str, str], on: date) -> bool:
        if self.effective_from is not None and on < self.effective_from:
            return False
        if self.effective_to is not None and on >= self.effective_to:
            return False
        return all(name in attributes and fnmatchcase(attributes[name], wanted) for name, wanted in self.when)


@dataclass(slots=True)
class Matcher:
    """Rules with a memory of what they said, since the same few attribute sets come again and again."""

    rules: tuple[Rule, ...] = ()
    cache: dict[tuple[object, ...], Rule | None] = field(default_factory=dict)

    @property
    def is_dated(self) -> bool:
        return any(rule.effective_from is not None or rule.effective_to is not None for rule in self.rules)

    def first(self, attributes: Mapping[str, str], on: date) -> Rule | None:
        key = (on if self.is_dated else None, *attributes.items())
        if key not in self.cache:
            if len(self.cache) >= CACHE_MAX:
                self.cache.clear()
            self.cache[key] = next((rule for rule in self.rules if rule.matches(attributes, on)), None)
        return self.cache[key]
