"""Finding the scope of a call that names none: where its key leads, else where the first rule that matches leads."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from operator import attrgetter

from allocation.attribution.documents import FIELDS, KEY_KINDS, WEIR_KEY, Call, Condition, bind
from governance.calendar.engine import is_in_force
from governance.documents.engine.cel import Binding

CACHE_MAX = 50_000
NO_ATTRIBUTES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Key:
    """One key, by what its gateway or provider calls it. The validity is half-open, in UTC days."""

    name: str
    kind: str
    value: str
    scope_id: int
    effective_from: date | None = None
    effective_to: date | None = None

    def is_in_force(self, on: date) -> bool:
        return is_in_force(self.effective_from, self.effective_to, on)


@dataclass(frozen=True, slots=True)
class Rule:
    """All of `when` must match, exact values or patterns with `*`, and `condition` must hold. Validity as a key's."""

    name: str
    when: tuple[tuple[str, str], ...]
    scope_id: int
    effective_from: date | None = None
    effective_to: date | None = None
    condition: Condition | None = None

    def is_in_force(self, on: date) -> bool:
        return is_in_force(self.effective_from, self.effective_to, on)

    def matches(self, attributes: Mapping[str, str], on: date, binding: Callable[[], Binding]) -> bool:
        """`binding` is asked for only by a rule with a condition that gets that far."""
        return (
            self.is_in_force(on)
            and all(name in attributes and fnmatchcase(attributes[name], wanted) for name, wanted in self.when)
            and (self.condition is None or self.condition.holds(binding()))
        )


Found = Key | Rule


@dataclass(frozen=True, slots=True)
class Reads:
    """What of a call decides where it belongs; calls that are alike in it belong to the same scope. `attributes` None:
    a rule looks at all of them. `day`: some validity has a beginning or an end.
    """

    fields: tuple[str, ...]
    attributes: tuple[str, ...] | None
    day: bool

    @classmethod
    def of(cls, rules: Iterable[Rule], keys: Iterable[Key] = ()) -> "Reads":
        names: set[str] = set()
        fields: set[str] = set()
        is_any = is_dated = False
        for rule in rules:
            names.update(name for name, _ in rule.when)
            if rule.condition is not None:
                fields |= rule.condition.fields
                is_any = is_any or rule.condition.attributes is None
                names |= rule.condition.attributes or frozenset()
            is_dated = is_dated or rule.effective_from is not None or rule.effective_to is not None
        for key in keys:
            names.add(key.kind)
            is_dated = is_dated or key.effective_from is not None or key.effective_to is not None
        in_order = tuple(name for name in FIELDS if name in fields)
        return cls(in_order, None if is_any else tuple(sorted(names)), is_dated)


class Matcher:
    """Keys by a look-up, kind by kind in the order of KEY_KINDS; rules in order, with a memory of what they said, since
    the same few calls come again and again.
    """

    __slots__ = ("_by_key", "_cache", "_rule_fields", "_rule_reads", "keys", "needs_attributes", "reads", "rules")

    def __init__(self, rules: Iterable[Rule] = (), keys: Iterable[Key] = ()) -> None:
        self.rules = tuple(rules)
        self.keys = tuple(keys)
        self.reads = Reads.of(self.rules, self.keys)
        # Then a call without attributes finds nothing, which is known without looking.
        self.needs_attributes = all(rule.when for rule in self.rules)
        self._rule_reads = Reads.of(self.rules)
        self._rule_fields = attrgetter(*self._rule_reads.fields) if self._rule_reads.fields else None
        self._cache: dict[tuple[object, ...], Rule | None] = {}
        by_kind: dict[str, dict[str, tuple[Key, ...]]] = {}
        for key in self.keys:
            of_kind = by_kind.setdefault(key.kind, {})
            of_kind[key.value] = (*of_kind.get(key.value, ()), key)
        self._by_key = tuple((kind, by_kind[kind]) for kind in KEY_KINDS if kind in by_kind)

    @property
    def reads_weir_key(self) -> bool:
        return self.reads.attributes is None or WEIR_KEY in self.reads.attributes

    @property
    def labels(self) -> tuple[str, ...]:
        return (*(key.name for key in self.keys), *(rule.name for rule in self.rules))

    def first(self, call: Call, on: date) -> Found | None:
        attributes = call.attributes or NO_ATTRIBUTES
        for kind, known in self._by_key:
            value = attributes.get(kind)
            for key in known.get(value, ()) if value is not None else ():
                if key.is_in_force(on):
                    return key
        return self._first_rule(call, attributes, on) if self.rules else None

    def _first_rule(self, call: Call, attributes: Mapping[str, str], on: date) -> Rule | None:
        reads = self._rule_reads
        read: Iterable[object] = (
            attributes.items() if reads.attributes is None else map(attributes.get, reads.attributes)
        )
        fields = self._rule_fields(call) if self._rule_fields is not None else None
        asked = (on if reads.day else None, fields, *read)
        cache = self._cache
        try:
            return cache[asked]
        except KeyError:
            pass
        bound: list[Binding] = []

        def binding() -> Binding:
            if not bound:
                bound.append(bind(call))
            return bound[0]

        found = next((rule for rule in self.rules if rule.matches(attributes, on, binding)), None)
        if len(cache) >= CACHE_MAX:
            cache.clear()
        cache[asked] = found
        return found


@dataclass(frozen=True, slots=True)
class PlainCall:
    """Recorded calls that are alike."""

    provider: str = ""
    model: str = ""
    operation: str = ""
    source: str = ""
    service_tier: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


EXPLICIT = "explicit"
UNATTRIBUTED = "unattributed"
