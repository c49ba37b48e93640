"""Names of columns that a refusal may repeat. Any other may be text of a prompt, as the first row of a file without its
header is, and keys that a client made up.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from allocation.meters.documents import EVENT_FIELDS, TOLD_NAMES

SHIPPED = Path(__file__).resolve().parent.parent / "mappings"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@cache
def _known() -> frozenset[str]:
    """What the mappings that ship speak of, their comments included, which list the columns of each export."""
    texts = (path.read_text(encoding="utf-8") for path in SHIPPED.glob("*.yaml"))
    return frozenset(name for text in texts for name in _NAME.findall(text)) | TOLD_NAMES | EVENT_FIELDS


def told_columns(names: Iterable[str]) -> list[str]:
    """Those of exports that Weir knows."""
    return [name for name in names if _known().issuperset(name.split("."))]


def named_columns(names: Iterable[str], *, shown_max: int) -> str:
    """A list for a sentence: names that may be told, and how many others there are."""
    every = list(names)
    told = told_columns(every)[:shown_max]
    others = len(every) - len(told)
    return ", ".join([*told, *([f"{others} of other names"] if others else [])]) or "none"
