"""Which attributes of an event are stored where it states more than there is room for."""

from collections.abc import Collection

from allocation.meters.documents import ATTRIBUTES_MAX, MENDED_MAX, UsageEvent


def attributes_kept(event: UsageEvent, read: Collection[str]) -> UsageEvent:
    """The event with as many attributes as are stored: first those that rules read, then the others in their order. How
    many were left out is said in `mended`.
    """
    stated = event.attributes or {}
    first = [name for name in read if name in stated][:ATTRIBUTES_MAX]
    others = [name for name in stated if name not in first][: ATTRIBUTES_MAX - len(first)]
    names = {*first, *others}
    kept = {name: value for name, value in stated.items() if name in names}
    mark = f"attributes: {len(stated) - len(kept):,} left out"
    return event.model_copy(update={"attributes": kept, "mended": (*event.mended[: MENDED_MAX - 1], mark)})
