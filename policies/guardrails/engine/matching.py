"""Which scopes a guardrail speaks about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

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
    """``*`` is within one segment, ``**`` any number of them; a closing ``/**`` is at least one: below, not itself."""
    return _pattern(glob)(path) is not None


def may_concern(globs: Iterable[str], organisation: str) -> bool:
    """Whether any of the paths could be one of the organisation's; no path at all is every path."""
    tops = [glob.split("/")[0] for glob in globs]
    return not tops or any(top == "**" or path_matches(top, organisation) for top in tops)


@lru_cache(maxsize=4096)
def _pattern(glob: str) -> Callable[[str], re.Match[str] | None]:
    segments = glob.split("/")
    written = ""
    for position, segment in enumerate(segments):
        is_last = position == len(segments) - 1
        if segment == "**":
            written += ".+" if is_last else "(?:[^/]+/)*"
        else:
            written += re.escape(segment).replace(r"\*", "[^/]*") + ("" if is_last else "/")
    return re.compile(written).fullmatch
