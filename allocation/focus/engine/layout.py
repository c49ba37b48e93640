"""The columns of exported files and their CSV: FOCUS's columns in alphabetical order, then Weir's own and imported
custom ones, with x_.

Null is an empty cell and an empty text is quoted, so that a reader that distinguishes them gets back what was written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from allocation.focus.engine.columns import Version, columns_of
from governance.pages.engine.spreadsheets import guarded

# The versions that can be written: the most widely read one and the newest.
EXPORTED: tuple[Version, ...] = ("1.2", "1.4")
# Weir's own columns, in every version (docs/recipes/hand-finance-a-focus-file.md).
OWN = (
    "x_Activity", "x_Meter", "x_ModelId", "x_PriceSource", "x_PriceVersion", "x_ProcessingTier", "x_Provider",
    "x_Records", "x_RequestCount", "x_ScopeId", "x_ScopePath",
)  # fmt: skip
# Columns of later versions, written with x_ before.
STAND_INS = ("AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName",
             "AllocatedTags")  # fmt: skip


class Slot(NamedTuple):
    """A value that is filled in later: `per_kind` once for all lines of a kind, else for each line."""

    name: str
    per_kind: bool = False


Cell = str | None | Slot | tuple[str | Slot, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """`line % texts of the kind % texts of the line` is a line of CSV, so that only one substitution is left for each
    line. The texts must be CSV already.
    """

    line: str
    kind_slots: tuple[str, ...]
    line_slots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one exported file, in order."""

    version: Version
    columns: tuple[str, ...]

    @classmethod
    def of(cls, version: Version, custom: Iterable[str] = ()) -> "Layout":
        """The columns of a version, with Weir's own and these custom ones."""
        focus = columns_of(version)
        stand_ins = {f"x_{name}" for name in STAND_INS if name not in focus}
        return cls(version, (*focus, *sorted({*OWN, *stand_ins, *custom})))

    def header(self) -> str:
        """The header line."""
        return line_of(self.columns)

    def line(self, cells: Mapping[str, str | None]) -> str:
        """A row by column name as a line; missing cells are null."""
        return line_of([cells.get(column) for column in self.columns])

    def template(self, cells: Mapping[str, Cell]) -> Template:
        """As `line`, with slots in cells or in parts of them."""
        kind_slots: list[str] = []
        line_slots: list[str] = []
        parts: list[str] = []
        for column in self.columns:
            cell = cells.get(column)
            pieces = cell if isinstance(cell, tuple) and not isinstance(cell, Slot) else (cell,)
            for place, piece in enumerate(pieces):
                if not isinstance(piece, Slot):
                    text = csv_text(piece) if place == 0 else _quoted(piece or "")
                    parts.append(text.replace("%", "%%%%"))
                elif piece.per_kind:
                    kind_slots.append(piece.name)
                    parts.append("%s")
                else:
                    line_slots.append(piece.name)
                    parts.append("%%s")
            parts.append(",")
        parts[-1] = "\n"
        return Template("".join(parts), tuple(kind_slots), tuple(line_slots))

    def available_column(self, column: str) -> str:
        """The column, or the x_ column that stands in for it in versions without it."""
        return column if column in columns_of(self.version) else f"x_{column}"


def csv_text(cell: str | None) -> str:
    """The cell as CSV: quoted where it must be or is an empty text, empty for null; what a spreadsheet would run as a
    formula has an apostrophe before it.
    """
    if cell is None:
        return ""
    return _quoted(guarded(cell))


def _quoted(cell: str) -> str:
    if not cell or any(mark in cell for mark in ',"\n\r') or cell[0] == " " or cell[-1] == " ":
        escaped = cell.replace('"', '""')
        return f'"{escaped}"'
    return cell


def line_of(cells: Sequence[str | None]) -> str:
    """The cells as a line of CSV."""
    return ",".join(map(csv_text, cells)) + "\n"
