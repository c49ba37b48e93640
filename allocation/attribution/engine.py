"""Attributes a call that names no scope: to the scope of its key, else to that of the first rule that matches."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter

from allocation.attribution.documents import FIELDS, KEY_KINDS, WEIR_KEY, Call, Condition, bind
from governance.calendar.engine import is_in_force
from governance.documents.engine.cel import Binding
from governance.documents.engine.globs import glob_matches

CACHE_MAX = 50_000
# A call may state thousands: one that rules read whole is not remembered, or a sender could fill the memory.
ATTRIBUTES_REMEMBERED = 64
NO_ATTRIBUTES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Key:
    """One key, by what its gateway or provider calls it. Validity is half-open, in UTC days."""

    name: str
    kind: str
    value: str
    scope_id: int
    effective_from: date | None = None
    effective_to: date | None = None

    def is_in_force(self, on: date) -> bool:
        """Whether the key is valid on the UTC day."""
        return is_in_force(self.effective_from, self.effective_to, on)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that leads to a scope: all of `when` must match, by exact values or patterns with `*`, and `condition`
    must hold. Validity is half-open, in UTC days.
    """

    name: str
    when: tuple[tuple[str, str], ...]
    scope_id: int
    effective_from: date | None = None
    effective_to: date | None = None
    condition: Condition | None = None

    def is_in_force(self, on: date) -> bool:
        """Whether the rule is valid on the UTC day."""
        return is_in_force(self.effective_from, self.effective_to, on)

    def matches(self, attributes: Mapping[str, str], on: date, binding: Callable[[], Binding]) -> bool:
        """Whether the rule applies. `binding` is called only when its condition has to be evaluated."""
        return (
            self.is_in_force(on)
            and all(name in attributes and glob_matches(pattern, attributes[name]) for name, pattern in self.when)
            and (self.condition is None or self.condition.holds(binding()))
        )


Placement = Key | Rule


@dataclass(frozen=True, slots=True)
class DecidingFields:
    """The values of a call that decide its scope: calls with equal ones belong to the same scope. `attributes` is None
    when a rule reads any attribute. `day` says whether the day matters, because a validity begins or ends.
    """

    fields: tuple[str, ...]
    attributes: tuple[str, ...] | None
    day: bool

    @classmethod
    def of(cls, rules: Iterable[Rule], keys: Iterable[Key] = ()) -> "DecidingFields":
        """The values that any of these rules and keys reads."""
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
    """Looks keys up kind by kind in the order of KEY_KINDS, then tries rules in their order. Remembers which rule
    matched, since few distinct calls recur many times.
    """

    __slots__ = ("_by_key", "_cache", "_rule_fields", "_rule_reads", "keys", "needs_attributes", "reads", "rules")

    def __init__(self, rules: Iterable[Rule] = (), keys: Iterable[Key] = ()) -> None:
        self.rules = tuple(rules)
        self.keys = tuple(keys)
        self.reads = DecidingFields.of(self.rules, self.keys)
        # When true, a call without attributes cannot match.
        self.needs_attributes = all(rule.when for rule in self.rules)
        self._rule_reads = DecidingFields.of(self.rules)
        self._rule_fields = attrgetter(*self._rule_reads.fields) if self._rule_reads.fields else None
        self._cache: dict[tuple[object, ...], Rule | None] = {}
        by_kind: dict[str, dict[str, tuple[Key, ...]]] = {}
        for key in self.keys:
            of_kind = by_kind.setdefault(key.kind, {})
            of_kind[key.value] = (*of_kind.get(key.value, ()), key)
        self._by_key = tuple((kind, by_kind[kind]) for kind in KEY_KINDS if kind in by_kind)

    @property
    def reads_weir_key(self) -> bool:
        """Whether any key or rule may depend on the Weir key that sent the record."""
        return self.reads.attributes is None or WEIR_KEY in self.reads.attributes

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all keys and rules, in the order in which they are tried."""
        return (*(key.name for key in self.keys), *(rule.name for rule in self.rules))

    def first_match(self, call: Call, on: date) -> Placement | None:
        """The key, else the first rule, that places the call on the UTC day; None when nothing matches."""
        attributes = call.attributes or NO_ATTRIBUTES
        for kind, keys_by_value in self._by_key:
            value = attributes.get(kind)
            for key in keys_by_value.get(value, ()) if value is not None else ():
                if key.is_in_force(on):
                    return key
        return self._first_rule(call, attributes, on) if self.rules else None

    def _first_rule(self, call: Call, attributes: Mapping[str, str], on: date) -> Rule | None:
        reads = self._rule_reads
        if reads.attributes is None and len(attributes) > ATTRIBUTES_REMEMBERED:
            return self._matching_rule(call, attributes, on)
        values: Iterable[object] = (
            attributes.items() if reads.attributes is None else map(attributes.get, reads.attributes)
        )
        fields = self._rule_fields(call) if self._rule_fields is not None else None
        cache_key = (on if reads.day else None, fields, *values)
        cache = self._cache
        try:
            return cache[cache_key]
        except KeyError:
            pass
        matching_rule = self._matching_rule(call, attributes, on)
        if len(cache) >= CACHE_MAX:
            cache.clear()
        cache[cache_key] = matching_rule
        return matching_rule

    def _matching_rule(self, call: Call, attributes: Mapping[str, str], on: date) -> Rule | None:
        bound: list[Binding] = []

        def binding() -> Binding:
            if not bound:
                bound.append(bind(call))
            return bound[0]

        return next((rule for rule in self.rules if rule.matches(attributes, on, binding)), None)


@dataclass(frozen=True, slots=True)
class PlainCall:
    """Recorded calls with equal values, as one call."""

    provider: str = ""
    model: str = ""
    operation: str = ""
    source: str = ""
    service_tier: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


EXPLICIT = "explicit"
UNATTRIBUTED = "unattributed"
# Placed by the scope that its key is bound to; stored as `explicit`, since whoever made the key named the scope.
KEYS_OWN = "keys_own"
