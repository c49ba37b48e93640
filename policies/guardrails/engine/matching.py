"""Which scopes a guardrail speaks about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import groupby

from policies.guardrails.documents import GuardrailSpec, Match
from policies.guardrails.engine.types import ScopeView


def matches(spec: GuardrailSpec, scope: ScopeView) -> bool:
    """Every matcher of ``match`` holds, and not every matcher of ``exclude``."""
    return _holds(spec.match, scope) and not (spec.exclude is not None and _holds(spec.exclude, scope))


def _holds(match: Match, scope: ScopeView) -> bool:
    return (
        (not match.kinds or scope.kind in match.kinds)
        and (not match.environments or scope.environment in match.environments)
        and (match.practice is None or scope.practice == match.practice)
        and all(scope.labels.get(name) == value for name, value in match.labels.items())
        and (not match.paths or any(path_matches(glob, scope.path) for glob in match.paths))
    )


def path_matches(glob: str, path: str) -> bool:
    """``*`` is within one segment, ``**`` any number of them; a closing ``/**`` is at least one: below, not itself.
    In time linear in the path for one glob, whatever it holds. Of a path no segment is empty.
    """
    return _pattern(glob)(path) is not None


def may_concern(globs: Iterable[str], organisation: str) -> bool:
    """Whether any of the paths could be one of the organisation's; no path at all is every path."""
    tops = [glob.split("/")[0] for glob in globs]
    return not tops or any(top == "**" or path_matches(top, organisation) for top in tops)


@lru_cache(maxsize=4096)
def _pattern(glob: str) -> Callable[[str], re.Match[str] | None]:
    """What stands between two wildcards is looked for from left to right, and never again once it is found (atomic
    groups): a later place would leave less to what follows, so that going back could find nothing more.
    """
    *segments, last = glob.split("/")
    is_below = last == "**"
    written = [_segment(each, "/") if each != "**" else None for each in segments]
    if not is_below:
        written.append(_segment(last, r"\Z"))
    # Each block of segments stands at the beginning, or after any number of others.
    blocks = [list(block) for is_block, block in groupby(written, key=lambda each: each is not None) if is_block]
    found = ["".join(each or "" for each in block) for block in blocks]
    begins = bool(written) and written[0] is not None
    anchored, free = (found[:1], found[1:]) if begins else ([], found)
    searched = "".join(f"(?>(?:[^/]+/)*?{block})" for block in free)
    return re.compile(f"{''.join(anchored)}{searched}{'.+' if is_below else ''}").fullmatch


def _segment(segment: str, end: str) -> str:
    """One segment to its `end`."""
    first, *rest = map(re.escape, segment.split("*"))
    if not rest:
        return first + end
    middle = "".join(f"(?>[^/]*?{piece})" for piece in rest[:-1] if piece)
    return f"{first}{middle}(?>[^/]*?{rest[-1]}{end})"
