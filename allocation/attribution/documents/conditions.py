"""Conditions of attribution rules: typed CEL over declared names, so that a misspelt name is an error when the document
is read and never a rule that silently matches nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from allocation.meters.documents import SERVICE_TIERS, STANDARD_NAMES, tier_meant
from governance.documents.engine.cel import Binding, Environment, ExpressionError, Kind, Program
from governance.documents.engine.constants import constant_faults
from governance.documents.engine.tokens import Name, Token, Words

# Keys are tried in this order: from the kind that identifies the caller most precisely to the least precise.
WEIR_KEY = "weir_key"
KEY_KINDS = ("key_hash", "key_alias", "service_account", "credential", "project", WEIR_KEY)
FIELDS = ("provider", "model", "operation", "source", "service_tier")
ATTRIBUTES = "attributes"
LENGTH_MAX = 2_000
_VARIABLES: Mapping[str, Kind] = {
    **dict.fromkeys((*FIELDS, *KEY_KINDS), "string"),
    ATTRIBUTES: "string_map",
}
_ENVIRONMENT = Environment(_VARIABLES)


class Call(Protocol):
    """What attribution reads of a call: one usage event, or many recorded events with equal values."""

    @property
    def provider(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def service_tier(self) -> str: ...
    @property
    def attributes(self) -> Mapping[str, str] | None: ...


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled expression and the names it reads. `attributes` is None when it may read any attribute."""

    text: str
    program: Program
    fields: frozenset[str]
    attributes: frozenset[str] | None

    def holds(self, binding: Binding) -> bool:
        """False when the evaluation fails, as it does where an attribute that the expression reads is missing."""
        return self.program.evaluate(binding) is True


@lru_cache(maxsize=10_000)
def condition(text: str) -> Condition:
    """Compiles `text`. Raises ExpressionError with a sentence that says what to write instead."""
    if len(text) > LENGTH_MAX:
        raise ExpressionError(f"the expression is longer than {LENGTH_MAX:,} characters")
    program = _ENVIRONMENT.compile(text, wanted="bool")
    words = Words(text)
    names_read = [name for name in words.names if name.text.split(".")[0] in _VARIABLES]
    if not names_read:
        raise ExpressionError("the expression reads nothing of the call, so it is always the same")
    for fault in (*constant_faults(text), *_unknown_tiers(words)):
        raise ExpressionError(fault)
    heads = {name.text.split(".")[0] for name in names_read}
    return Condition(text, program, frozenset(heads & {*FIELDS}), _attributes_read(words, names_read))


def bind(call: Call) -> Binding:
    """The call as CEL variables. A key that the call does not carry is an empty text."""
    attributes = call.attributes or {}
    values: dict[str, Any] = {kind: attributes.get(kind, "") for kind in KEY_KINDS}
    for name in FIELDS:
        values[name] = getattr(call, name)
    return _ENVIRONMENT.bind({**values, ATTRIBUTES: dict(attributes)})


def _attributes_read(words: Words, names_read: list[Name]) -> frozenset[str] | None:
    names: set[str] = set()
    for name in names_read:
        head, *rest = name.text.split(".")
        if head in KEY_KINDS:
            names.add(head)
        elif head == ATTRIBUTES:
            if name.is_call:
                rest = rest[:-1]
            attribute = rest[0] if rest else _literal(_adjacent_token(words, name))
            if attribute is None:
                return None
            names.add(attribute)
    return frozenset(names)


def _adjacent_token(words: Words, name: Name) -> Token | None:
    """The text in `attributes["team"]` or `"team" in attributes`."""
    tokens = words.tokens
    if not name.is_call and words.is_sign(name.last + 1, "[") and words.is_sign(name.last + 3, "]"):
        return tokens[name.last + 2]
    is_whole = name.first == 2 or words.is_sign(name.first - 3, "&&", "||", "(", "?", ":")  # noqa: PLR2004  # `"x" in`
    if name.first > 1 and tokens[name.first - 1].text == "in" and is_whole:
        return tokens[name.first - 2]
    return None


def _literal(token: Token | None) -> str | None:
    """The text of a plain string literal; None for one with escapes or a prefix, which is not evaluated here."""
    if token is None or token.kind != "string" or token.text[0] not in "\"'" or "\\" in token.text:
        return None
    return token.text.strip(token.text[0])


def _unknown_tiers(words: Words) -> Iterator[str]:
    """A comparison with a misspelt service tier, or with a name recorded as `standard`, would never match."""
    tokens = words.tokens
    for name in words.names:
        if name.text != "service_tier":
            continue
        after = range(name.last + 2, name.last + 3)
        if tokens[name.last + 1 : name.last + 2] and tokens[name.last + 1].text == "in":
            after = words.group(name.last + 2)
        elif not words.is_sign(name.last + 1, "==", "!="):
            after = range(0)
        before = range(name.first - 2, name.first - 1) if words.is_sign(name.first - 1, "==", "!=") else range(0)
        for index in (*before, *after):
            tier = _literal(tokens[index]) if index < len(tokens) else None
            if tier is None or tier in SERVICE_TIERS:
                continue
            if tier in STANDARD_NAMES:
                yield f"there is no service tier `{tier}`: it is recorded as `standard`"
            elif meant := tier_meant(tier):
                yield f"there is no service tier `{tier}`; did you mean `{meant}`?"
