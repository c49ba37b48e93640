"""An imported charge in a file of ours: its own cells, in the columns of the version asked for.

A cell that FOCUS allows stays as it stood. One that means the same but is written otherwise (`5/1/25`, `$10,000.00 `,
the word NULL) is written as FOCUS writes it, and what a file leaves out is filled in where it was read from the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from allocation.focus.engine.columns import BY_NAME, CUSTOM, Kind, Version, columns_of, known_name
from allocation.focus.engine.formats import (
    is_null,
    lenient_number,
    lenient_time,
    number_text,
    strict_number,
    strict_time,
    time_text,
)
from allocation.focus.engine.layout import STAND_INS

# The seller's name before and after 1.3. Who hosts and who publishes are different questions: those keep their names.
RENAMED: Mapping[str, str] = {"ProviderName": "ServiceProviderName", "ServiceProviderName": "ProviderName"}


@lru_cache(maxsize=256)
def targets(version: Version, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Where each column of an imported file goes in a file of this version: itself, its other name, or with x_."""
    wanted = columns_of(version)
    names = [known_name(column) or column.strip() for column in columns]
    found: list[str] = []
    for name in names:
        other = RENAMED.get(name, "")
        if name in wanted or name.startswith(CUSTOM):
            if not name.startswith(CUSTOM) or name.removeprefix(CUSTOM) not in STAND_INS:
                target = name
            else:
                plain = name.removeprefix(CUSTOM)
                target = plain if plain in wanted and plain not in names else name
        elif other in wanted and other not in names:
            target = other
        else:
            target = custom_name(name)
        while target in found:
            target = f"{custom_name(target)}Again"
        found.append(target)
    return tuple(found)


def custom_name(name: str) -> str:
    if name.startswith(CUSTOM):
        return name
    letters = "".join(part[:1].upper() + part[1:] for part in _words(name))
    return f"{CUSTOM}{letters or 'Unnamed'}"


def _words(name: str) -> list[str]:
    return "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in name).split()


def customs(version: Version, files: Iterable[Sequence[str]]) -> set[str]:
    """The custom columns that a file of this version needs for rows of these files."""
    return {target for columns in files for target in targets(version, tuple(columns)) if target.startswith(CUSTOM)}


def again(
    version: Version, columns: tuple[str, ...], cells: Sequence[str | None], known: Mapping[str, str | None]
) -> dict[str, str | None]:
    """`known` is what was read from the row as a whole; it stands where the row itself says nothing."""
    row: dict[str, str | None] = {}
    for target, cell in zip(targets(version, columns), cells, strict=False):
        row[target] = as_focus(target, cell)
    for name, text in known.items():
        if row.get(name) is None:
            row[name] = text
    return row


def as_focus(column: str, cell: str | None) -> str | None:
    known = BY_NAME.get(column)
    if known is None or cell is None:
        return cell
    if is_null(cell):
        return None
    match known.kind:
        case Kind.NUMBER:
            number = None if strict_number(cell) is not None else lenient_number(cell)
            return cell if number is None else number_text(number)
        case Kind.TIME:
            at = None if strict_time(cell) is not None else lenient_time(cell)
            return cell if at is None else time_text(at)
        case _:
            return cell
