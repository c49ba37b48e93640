"""Tokens of a CEL expression: enough grammar to find names, literals and operands, without their meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

TokenKind = Literal["name", "int", "float", "string", "sign"]

_WORD = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<string>[rRbB]{0,2}(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
  | (?P<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<int>0[xX][0-9a-fA-F]+[uU]?|\d+[uU]?)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<sign>&&|\|\||[=!<>]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_RESERVED = frozenset({"true", "false", "null", "in"})
_LOOSER_THAN_COMPARISON = frozenset({"&&", "||", "?", ":", ","})
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the text; `start` and `end` are offsets of characters."""

    kind: TokenKind
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Name:
    """A dotted name: tokens `first` to `last` inclusive; `is_call` when an opening bracket follows."""

    text: str
    first: int
    last: int
    is_call: bool


@dataclass(frozen=True)
class Words:
    """The tokens of an expression, with brackets matched as far as the text has pairs."""

    text: str

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        return tuple(_tokens(self.text))

    @cached_property
    def partner(self) -> dict[int, int]:
        """For each bracket with a pair, the index of the other bracket."""
        partner: dict[int, int] = {}
        opened: list[int] = []
        for index, token in enumerate(self.tokens):
            if token.kind == "sign" and token.text in _PAIRS:
                opened.append(index)
            elif token.kind == "sign" and token.text in _PAIRS.values() and opened:
                start = opened.pop()
                partner |= {start: index, index: start}
        return partner

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """Every dotted name that is read as a variable or called, in order."""
        return tuple(_names(self.tokens))

    def is_sign(self, index: int, *signs: str) -> bool:
        """Whether the token at `index` is one of these operators or brackets; False outside the text."""
        if not 0 <= index < len(self.tokens):
            return False
        token = self.tokens[index]
        return token.kind == "sign" and token.text in signs

    def slice(self, first: int, last: int) -> str:
        """The source text of tokens ``first`` to ``last`` inclusive."""
        return self.text[self.tokens[first].start : self.tokens[last].end] if first <= last else ""

    def group(self, index: int) -> range:
        """Token indices inside the brackets of which `index` is either."""
        opposite = self.partner.get(index, index)
        return range(min(index, opposite) + 1, max(index, opposite))

    def arguments(self, opening: int) -> list[tuple[int, int]]:
        """First and last token of each argument of the call whose bracket opens at `opening`."""
        closing = self.partner.get(opening, len(self.tokens))
        spans: list[tuple[int, int]] = []
        first = index = opening + 1
        while index < closing:
            if self.is_sign(index, ","):
                spans.append((first, index - 1))
                first = index + 1
            index = self.partner[index] + 1 if self.is_sign(index, *_PAIRS) and index in self.partner else index + 1
        return [*spans, (first, closing - 1)] if first < closing else spans

    def operand_after(self, index: int) -> tuple[int, int]:
        """First and last token of the unary operand that follows the operator at ``index``."""
        first = last = index + 1
        while self.is_sign(last, "-", "!"):
            last += 1
        last = self.partner.get(last, last)
        while True:
            if self.is_sign(last + 1, ".") and last + 2 < len(self.tokens):
                last += 2
            elif self.is_sign(last + 1, "(", "["):
                last = self.partner.get(last + 1, last + 1)
            else:
                return first, min(last, len(self.tokens) - 1)

    def operand_before(self, index: int) -> tuple[int, int]:
        """First and last token of what the ``*``, ``/`` or ``%`` at ``index`` applies to: every factor on its left."""
        first = self._postfix_start(index - 1)
        while self.is_sign(first - 1, "-", "!") and not self._ends_operand(first - 2):
            first -= 1
        if self.is_sign(first - 1, "*", "/", "%"):
            first = self.operand_before(first - 1)[0]
        return first, index - 1

    def _postfix_start(self, last: int) -> int:
        """The first token of the name, literal, call, selection or bracketed part that ends at ``last``."""
        first = self.partner.get(last, last)
        is_bracket = first != last
        while first > 0:
            if self.is_sign(first - 1, "."):
                first = self.partner.get(first - 2, first - 2)
                is_bracket = self.is_sign(first, *_PAIRS)
            elif is_bracket and self._ends_operand(first - 1):
                first = self.partner.get(first - 1, first - 1)
                is_bracket = self.is_sign(first, *_PAIRS)
            else:
                break
        return max(first, 0)

    def _ends_operand(self, index: int) -> bool:
        """Whether an operand may end at this token, so that a sign after it has two sides."""
        if not 0 <= index < len(self.tokens):
            return False
        token = self.tokens[index]
        return token.text in _PAIRS.values() if token.kind == "sign" else token.text != "in"

    def comparison_sides(self, index: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Token spans left and right of the comparison at ``index``."""
        first = last = index
        while first > 0 and not self._bounds(first - 1, *_PAIRS):
            first = self.partner.get(first - 1, first - 1)
        while last + 1 < len(self.tokens) and not self._bounds(last + 1, *_PAIRS.values()):
            last = self.partner.get(last + 1, last + 1)
        return (first, index - 1), (index + 1, last)

    def top_level(self, *signs: str) -> list[int]:
        """Indices of these operators outside all brackets."""
        indices = []
        index = 0
        while index < len(self.tokens):
            if self.tokens[index].text in signs and self.tokens[index].kind in {"sign", "name"}:
                indices.append(index)
            index = max(self.partner.get(index, index), index) + 1
        return indices

    def bound_names(self) -> set[str]:
        """Names that macros such as ``all(x, …)`` bind."""
        return {
            self.tokens[index + 2].text
            for index, token in enumerate(self.tokens[:-2])
            if token.text in MACROS and self.is_sign(index + 1, "(") and self.is_sign(index - 1, ".")
        }

    def _bounds(self, index: int, *brackets: str) -> bool:
        token = self.tokens[index]
        return token.kind in {"sign", "name"} and (
            token.text in COMPARISONS or token.text in _LOOSER_THAN_COMPARISON or token.text in brackets
        )


def _tokens(text: str) -> Iterator[Token]:
    for word in _WORD.finditer(text):
        match word.lastgroup:
            case "name" | "int" | "float" | "string" | "sign" as kind:
                yield Token(kind, word.group(), word.start())
            case _:
                continue


def _names(tokens: Sequence[Token]) -> Iterator[Name]:
    index = 0
    while index < len(tokens):
        token = tokens[index]
        follows_dot = index > 0 and tokens[index - 1].text == "." and tokens[index - 1].kind == "sign"
        if token.kind != "name" or token.text in _RESERVED or follows_dot:
            index += 1
            continue
        last = index
        while last + 2 < len(tokens) and tokens[last + 1].text == "." and tokens[last + 2].kind == "name":
            last += 2
        is_call = last + 1 < len(tokens) and tokens[last + 1].text == "(" and tokens[last + 1].kind == "sign"
        yield Name(".".join(part.text for part in tokens[index : last + 1 : 2]), index, last, is_call)
        index = last + 1
