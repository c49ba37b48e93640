"""Which attributes of an event are stored where it states more than there is room for."""

from collections.abc import Collection

from allocation.meters.documents import ATTRIBUTES_MAX, MENDED_MAX, UsageEvent

# The reservation that a call was made under: an attribute of an event, `weir.reservation` of a span or log event, a tag
# `reservation:ID` of LiteLLM's.
RESERVATION, RESERVATION_TAG = "reservation", "tag.reservation"


def attributes_kept(event: UsageEvent, read: Collection[str]) -> UsageEvent:
    """The event with as many attributes as are stored: first those that rules read, then the others in their order. How
    many were left out is said in `mended`; `team` is not left out where `tag.team` says the same.
    """
    stated = event.attributes or {}
    repeated = dict.fromkeys(name for name, value in stated.items() if stated.get(f"tag.{name}") == value)
    first = [name for name in read if name in stated]
    others = [name for name in stated if name not in repeated]
    names = set(list(dict.fromkeys([*first, *others, *repeated]))[:ATTRIBUTES_MAX])
    kept = {name: value for name, value in stated.items() if name in names}
    lost = sum(1 for name in others if name not in names)
    marks = (f"attributes: {lost:,} left out",) if lost else ()
    return event.model_copy(update={"attributes": kept, "mended": (*event.mended[: MENDED_MAX - 1], *marks)})
