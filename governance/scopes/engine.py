from __future__ import annotations


def lineage_of(path: str) -> list[str]:
    """The paths from the organisation down to `path` itself."""
    segments = path.split("/")
    return ["/".join(segments[:count]) for count in range(1, len(segments) + 1)]


def outermost(paths: list[str]) -> tuple[str, ...]:
    """`paths` without those that lie below another of them."""
    return tuple(path for path in paths if not any(path.startswith(f"{other}/") for other in paths))


def is_at_or_below(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")
