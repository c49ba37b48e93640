"""Small posts of usage that are handed on together: what the front and the web processes say to each other."""

from collections.abc import Sequence

import msgspec

PATH = "/api/v1/usage"
SCHEME = "Bearer "
BYTES_MAX = 64 * 1024
ACCEPTED = frozenset({"*/*", "application/json", "application/json, */*"})
# At most so many posts, and so many bytes of them but for the last, are handed on together.
POSTS_MAX = 64
TOGETHER_BYTES_MAX = 1024 * 1024
# Named on a request that is several posts; no client can send it through the front.
HEADER = "X-Weir-Posts"
# Named on the answer to several posts when a budget came to a line with them: the number of their transaction. The
# front answers when it has read what that wrote.
EVALUATED_HEADER = "X-Weir-Evaluated-In"


class HandedPost(msgspec.Struct, array_like=True, gc=False):
    """One client's post: two headers as they came, the host that was asked for, and the body."""

    authorization: str
    content_type: str
    host: str
    body: bytes


class HandedAnswer(msgspec.Struct, array_like=True, gc=False):
    """What one client is answered."""

    status: int
    content_type: str
    body: bytes


_encoder = msgspec.msgpack.Encoder()
_posts = msgspec.msgpack.Decoder(list[HandedPost])
_answers = msgspec.msgpack.Decoder(list[HandedAnswer | None])


def posts_to_bytes(posts: Sequence[HandedPost]) -> bytes:
    return _encoder.encode(posts)


def posts_from_bytes(text: bytes) -> list[HandedPost]:
    """Raises ValueError for what `posts_to_bytes` did not write."""
    try:
        return _posts.decode(text)
    except msgspec.MsgspecError as problem:
        raise ValueError(str(problem)) from problem


def answers_to_bytes(answers: Sequence[HandedAnswer | None]) -> bytes:
    """In the order of the posts; None for one that is to be asked on its own: nothing became of it."""
    return _encoder.encode(answers)


def answers_from_bytes(text: bytes) -> list[HandedAnswer | None]:
    """Raises ValueError for what `answers_to_bytes` did not write."""
    try:
        return _answers.decode(text)
    except msgspec.MsgspecError as problem:
        raise ValueError(str(problem)) from problem
