import pytest

from allocation.usage.engine.posts import (
    HandedAnswer,
    HandedPost,
    answers_from_bytes,
    answers_to_bytes,
    posts_from_bytes,
    posts_to_bytes,
)

POSTS = [HandedPost("Bearer a", "application/json", "weir", b"\x00\xff"), HandedPost("", "", "", b"")]
ANSWERS = [HandedAnswer(200, "application/json", b"{}"), None, HandedAnswer(422, "", b"\xff")]


def test_posts_and_answers_are_read_as_they_were_written() -> None:
    assert posts_from_bytes(posts_to_bytes(POSTS)) == POSTS
    assert answers_from_bytes(answers_to_bytes(ANSWERS)) == ANSWERS


@pytest.mark.parametrize("text", [b"", b"{}", b"\x91", posts_to_bytes(POSTS)[:-1], answers_to_bytes(ANSWERS) + b"\x00"])
def test_anything_else_is_refused(text: bytes) -> None:
    for read in (posts_from_bytes, answers_from_bytes):
        with pytest.raises(ValueError, match=r"."):
            read(text)
