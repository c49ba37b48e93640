"""Patterns, durations and instants that an expression holds as constants: each is tried on the engine when a document
is checked, because types do not show that one is malformed.
"""

from __future__ import annotations

from collections.abc import Iterator

from governance.documents.engine.cel import ExpressionError, constant_fault, pattern_fault
from governance.documents.engine.tokens import Words


def constant_faults(text: str) -> Iterator[str]:
    """A sentence for each constant that the engine cannot read."""
    words = Words(text)
    for name in words.names:
        call = name.text.split(".")[-1]
        if name.is_call and call in {"matches", "duration", "timestamp"}:
            yield from _bad_call(words, name.last + 1, call)
    for index, token in enumerate(words.tokens):
        called = token.text == "matches" and words.is_sign(index - 1, ".") and words.is_sign(index + 1, "(")
        if called and not any(name.last == index for name in words.names):
            yield from _bad_call(words, index + 1, token.text)


def _bad_call(words: Words, opening: int, call: str) -> Iterator[str]:
    arguments = words.arguments(opening)
    argument = words.slice(*arguments[-1]) if arguments else ""
    try:
        outcome = pattern_fault(argument) if call == "matches" else constant_fault(f"{call}({argument})")
    except ExpressionError:
        return
    if outcome is None:
        return
    if call == "duration":
        yield f"`duration({argument})` is not a duration: CEL knows h, m, s and ms, so seven days are 168h"
    elif call == "matches":
        yield f"`{argument}` is not a regular expression: {outcome}"
    else:
        yield f"`{call}({argument})`: {outcome}"
