"""Path globs mean what they meant, and take time linear in the path, whatever they hold."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.guardrails.engine.matching import path_matches

pytestmark = pytest.mark.adversary("globs")

SLUGS = st.text("ab-", min_size=1, max_size=4)
PATHS = st.lists(SLUGS, min_size=1, max_size=6).map("/".join)
SEGMENTS = st.one_of(st.just("**"), st.just("*"), st.text("ab*-", max_size=5))
GLOBS = st.lists(SEGMENTS, min_size=1, max_size=6).map("/".join)


def former(glob: str, path: str) -> bool:
    """As it was until now, by a pattern that goes back and forth."""
    segments = glob.split("/")
    written = ""
    for position, segment in enumerate(segments):
        is_last = position == len(segments) - 1
        if segment == "**":
            written += ".+" if is_last else "(?:[^/]+/)*"
        else:
            written += re.escape(segment).replace(r"\*", "[^/]*") + ("" if is_last else "/")
    return re.fullmatch(written, path) is not None


@settings(max_examples=1000)
@given(GLOBS, PATHS)
def test_a_glob_means_what_it_meant(glob: str, path: str) -> None:
    assert path_matches(glob, path) == former(glob, path)


@given(PATHS, st.data())
def test_a_glob_made_from_a_path_matches_it(path: str, data: st.DataObject) -> None:
    glob = "/".join(data.draw(st.sampled_from([segment, "*", f"{segment[0]}*", "**"])) for segment in path.split("/"))
    assert path_matches(glob, path) == former(glob, path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("*a*a*a*a*a*a*a*b", "a" * 500),
        ("/".join(["**", "a"] * 8) + "/b", "/".join(["a"] * 200)),
        ("/".join(["**", "*a*a*a"] * 6) + "/**/b", "/".join(["aaaaaaaa"] * 60)),
        ("**/" * 30 + "b", "/".join(["a"] * 200)),
        ("*" * 60 + "b", "a" * 500),
    ],
)
def test_many_stars_take_no_time(glob: str, path: str) -> None:
    began = time.process_time()
    assert not path_matches(glob, path)
    assert time.process_time() - began < 0.2
