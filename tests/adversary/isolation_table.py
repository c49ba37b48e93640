"""The tables of docs/isolation.md, which state what every endpoint and page answers, as the tests read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "isolation.md"
PERSONAS = {"E": "engineering", "F": "finance", "O": "finops", "P": "platform"}
AS_NOBODYS = "as nobody's"
# How a row of the admin's models tells whose it is.
LOOKUPS = {
    "scope": "scope__path",
    "sender": "authority__path",
    "channel": "channel__scope__path",
    "recipient": "target__path",
    "organisation": "organisation__path",
    "book": "book__organisation__path",
    "rule set": "rule_set__organisation__path",
    "itself": "path",
    "person": "ownerships__scope__path",
    "oneself": "user__ownerships__scope__path",
}


@dataclass(frozen=True)
class Endpoint:
    kind: str
    permission: str
    takes_keys: bool
    people: frozenset[str]


@dataclass(frozen=True)
class Model:
    """`adders` and the values of `pages` are personas; `pages` are the pages and actions of its own."""

    belongs_to: str
    adders: frozenset[str]
    pages: dict[str, frozenset[str]]


def rows_below(heading: str) -> Iterator[list[str]]:
    """Cells of the first table below the heading."""
    lines = PAGE.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0].splitlines()
    for line in [line for line in lines if line.startswith("|")][2:]:
        cells = re.split(r"(?<!\\)\|", line.strip("|"))
        yield [cell.strip().replace("`", "").replace("\\|", "|") for cell in cells]


def people(letters: str) -> frozenset[str]:
    return frozenset(PERSONAS[letter] for letter in letters.split() if letter in PERSONAS)


# By kind of endpoint, what is answered of a place.
KINDS = {
    kind: dict(zip(("own", "sibling", "parent", "other"), answers, strict=True))
    for kind, _meaning, *answers in rows_below("Kinds of endpoints")
}
ENDPOINTS = {
    name: Endpoint(kind, permission.removesuffix(", no key"), not permission.endswith(", no key"), people(letters))
    for name, kind, permission, letters in rows_below("Endpoints")
}
MODELS = {
    name: Model(
        belongs_to, people(adders),
        {page.strip(): people(letters) for page, _, letters in (each.rpartition(": ") for each in pages.split(";"))
         if page.strip()},
    )
    for name, belongs_to, adders, pages in rows_below("Models of the admin")
}  # fmt: skip
OTHER_PAGES = dict(rows_below("Other addresses"))
