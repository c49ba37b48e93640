"""The columns of a file of ours and its CSV: FOCUS's in alphabetical order, then ours and whatever came in, with x_.

Null is an empty cell, an empty text is quoted; so a reader that minds the difference gets back what was written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from allocation.focus.engine.columns import Version, columns_of

# The versions that are written: the one most readers know, and the newest.
EXPORTED: tuple[Version, ...] = ("1.2", "1.4")
# Columns of ours, in every version; each has one meaning (docs/recipes/hand-finance-a-focus-file.md).
OWN = (
    "x_Activity", "x_Meter", "x_ModelId", "x_PriceSource", "x_PriceVersion", "x_ProcessingTier", "x_Provider",
    "x_Records", "x_RequestCount", "x_ScopeId", "x_ScopePath",
)  # fmt: skip
# What a later version has a column for.
STAND_INS = ("AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName",
             "AllocatedTags")  # fmt: skip


class Slot(NamedTuple):
    """A place that is filled in later: `of_kind` once for all lines of a kind, the others line by line."""

    name: str
    of_kind: bool = False


Cell = str | None | Slot | tuple[str | Slot, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """`line % kind's texts % line's texts` is a line of CSV: two substitutions, the first of them done once a kind.
    What is filled in is CSV already.
    """

    line: str
    of_kind: tuple[str, ...]
    of_line: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    version: Version
    columns: tuple[str, ...]

    @classmethod
    def of(cls, version: Version, custom: Iterable[str] = ()) -> "Layout":
        focus = columns_of(version)
        stand_ins = {f"x_{name}" for name in STAND_INS if name not in focus}
        return cls(version, (*focus, *sorted({*OWN, *stand_ins, *custom})))

    def header(self) -> str:
        return line_of(self.columns)

    def line(self, cells: Mapping[str, str | None]) -> str:
        return line_of([cells.get(column) for column in self.columns])

    def template(self, cells: Mapping[str, Cell]) -> Template:
        of_kind: list[str] = []
        of_line: list[str] = []
        parts: list[str] = []
        for column in self.columns:
            cell = cells.get(column)
            pieces = cell if isinstance(cell, tuple) and not isinstance(cell, Slot) else (cell,)
            for piece in pieces:
                if not isinstance(piece, Slot):
                    parts.append(csv_text(piece).replace("%", "%%%%"))
                elif piece.of_kind:
                    of_kind.append(piece.name)
                    parts.append("%s")
                else:
                    of_line.append(piece.name)
                    parts.append("%%s")
            parts.append(",")
        parts[-1] = "\n"
        return Template("".join(parts), tuple(of_kind), tuple(of_line))

    def named(self, column: str) -> str:
        """The column, or the custom one that stands in for it where the version does not have it."""
        return column if column in columns_of(self.version) else f"x_{column}"


def csv_text(cell: str | None) -> str:
    if cell is None:
        return ""
    if not cell or any(mark in cell for mark in ',"\n\r') or cell[0] == " " or cell[-1] == " ":
        escaped = cell.replace('"', '""')
        return f'"{escaped}"'
    return cell


def line_of(cells: Sequence[str | None]) -> str:
    return ",".join(map(csv_text, cells)) + "\n"
