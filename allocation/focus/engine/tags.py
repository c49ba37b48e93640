"""The tags of a charge, in the ways in which clouds write them."""

from collections.abc import Mapping

from allocation.focus.engine.formats import any_json

_KEYS = frozenset({"key", "name", "tagkey"})
_VALUES = frozenset({"value", "tagvalue"})
NESTED = "has an object or array as the value of a key"


def tags_of(cell: str) -> tuple[dict[str, str], str]:
    """The tags by key, and what of them cannot be read: a sentence's end, empty where all can. FOCUS's JSON object, the
    same without its braces as Azure's enterprise agreements write it, or AWS's list of objects with Key and Value.
    """
    text = cell.strip()
    if text.startswith('"'):
        text = f"{{{text.removesuffix(',')}}}"
    parsed = any_json(text)
    if isinstance(parsed, str):
        return {}, parsed
    pairs = _of_list(parsed[0]) if isinstance(parsed[0], list) else parsed[0]
    if not isinstance(pairs, dict):
        return {}, "is not a JSON object"
    tags = {
        key: tag_text(value) for key, value in pairs.items() if value is not None and not isinstance(value, dict | list)
    }
    return tags, NESTED if any(isinstance(value, dict | list) for value in pairs.values()) else ""


def _of_list(items: list[object]) -> dict[str, object] | None:
    """None unless every item has a key and, where it has one, a value. Of a key named twice the first counts."""
    tags: dict[str, object] = {}
    for item in items:
        members = {name.lower(): value for name, value in item.items()} if isinstance(item, dict) else {}
        key = _first(members, _KEYS)
        if not isinstance(key, str):
            return None
        value = _first(members, _VALUES)
        tags.setdefault(key, True if value is None else value)
    return tags


def _first(members: Mapping[str, object], names: frozenset[str]) -> object:
    return next((members[name] for name in sorted(names & members.keys())), None)


def tag_text(value: object) -> str:
    """A tag's value as text; a tag without a value has `true`."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
