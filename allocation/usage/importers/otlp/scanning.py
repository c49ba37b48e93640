"""JSON read from front to back without decoding what is skipped."""

import json
import re
from collections.abc import Iterator

from allocation.usage.importers.incoming import MalformedBody

MAX_DEPTH = 64
NAME_LENGTH_MAX = 256
# An unmatched quote is a token too, so that the scan ends there at once.
_STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\]]', re.DOTALL)
_PLAIN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^\s,:\[\]{}"]++', re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]*+")
Extent = tuple[int, int]


class JsonScanner:
    """Reads JSON once, from front to back. The caller reads into each member or item it is given, or leaves it to be
    skipped.
    """

    def __init__(self, text: str, position: int = 0) -> None:
        self.text = text
        self.position = _after_space(text, position)

    def is_at(self, sign: str) -> bool:
        """Whether this sign comes next."""
        return self.text.startswith(sign, self.position)

    def skip_value(self) -> Extent:
        """Skips the value that begins here, undecoded. Returns where it begins and ends."""
        start = self.position
        self.position = _end(self.text, start)
        return start, self.position

    def members(self) -> Iterator[str]:
        """Names of the object's members, each with the scanner at its value."""
        self._take("{")
        more = not self.is_at("}")
        while more:
            start, end = self.skip_value()
            if end - start > NAME_LENGTH_MAX or self.text[start] != '"':
                raise malformed(start)
            self._space()
            self._take(":")
            yield from self._part(json.loads(self.text[start:end]))
            more = self._is_followed()
        self._take("}")

    def items(self) -> Iterator[str]:
        """An empty name for each item of the list, with the scanner at the item."""
        self._take("[")
        more = not self.is_at("]")
        while more:
            yield from self._part("")
            more = self._is_followed()
        self._take("]")

    def items_of(self, wanted: str) -> Iterator[str]:
        """As `items`, for the list that is the object's member `wanted`."""
        for name in self.members():
            if name == wanted and not self.is_at("null"):
                yield from self.items()

    def _part(self, name: str) -> Iterator[str]:
        start = self.position
        yield name
        if self.position == start:
            self.skip_value()

    def _is_followed(self) -> bool:
        self._space()
        followed = self.is_at(",")
        if followed:
            self._take(",")
        return followed

    def _take(self, sign: str) -> None:
        if not self.is_at(sign):
            raise malformed(self.position)
        self.position += 1
        self._space()

    def _space(self) -> None:
        self.position = _after_space(self.text, self.position)


def _end(text: str, start: int) -> int:
    """Where the value that begins here ends. Nested values are only counted, not decoded."""
    if text[start : start + 1] not in {"{", "["}:
        plain = _PLAIN.match(text, start)
        if plain is None:
            raise malformed(start)
        return plain.end()
    depth = 0
    for token in _STRUCTURE.finditer(text, start):
        sign = text[token.start()]
        if sign in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedBody("The JSON is nested too deeply.", code="json_too_deep")
        elif sign in "}]":
            depth -= 1
            if not depth:
                return token.end()
        elif token.end() - token.start() == 1:
            break
    raise malformed(start)


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def malformed(position: int) -> MalformedBody:
    return MalformedBody(f"The body is not an OTLP request in JSON: see character {position}.")
