"""Small posts of usage: those that come while others are recorded are handed on in one request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from allocation.usage.engine.posts import (
    ACCEPTED,
    PATH,
    POSTS_MAX,
    SCHEME,
    HandedAnswer,
    HandedPost,
    answers_from_bytes,
    posts_to_bytes,
)
from config.front.callers import Caller, too_many
from config.front.exchanges import Relayed, connection_header, unavailable
from config.front.heads import EVALUATED_IN, OF_ONE_POST, POSTS, Header, first_line, of_one_hop, value_of, written
from config.front.limits import AGAIN_S, GROUPS_MAX, POST_BYTES_MAX, POSTS_WAITING_MAX, WAITS_S
from config.front.parts import ClientPart, PostPart, WebPart
from config.front.turns import FairQueue
from policies.decisions.engine.answers import Answer

TARGET = PATH.encode()
WhenRead = Callable[[bytes, Callable[[], None]], None]
"""Calls the function when the snapshot of decisions holds what the transaction of this number wrote; now for none."""
BEARER = SCHEME.encode()
ACCEPTS = frozenset(accept.encode() for accept in ACCEPTED)
# A request with one of these is read by its web process as it came.
FORWARDED = frozenset({b"host", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-proto"})
SPECIAL = frozenset({b"content-encoding", b"transfer-encoding", b"expect", b"upgrade"})


def is_small_post(method: bytes, target: bytes, headers: Sequence[Header]) -> bool:
    """Whether it is a post of usage that may be handed on with others. No header may be there twice: which one counts
    is the web process's to say.
    """
    if target != TARGET or method != b"POST":
        return False
    named = dict(headers)
    length = named.get(b"content-length", b"")
    return (
        len(named) == len(headers)
        and named.get(b"authorization", b"").startswith(BEARER)
        and named.get(b"accept", b"*/*") in ACCEPTS
        and length.isdigit()
        and int(length) <= POST_BYTES_MAX
        and SPECIAL.isdisjoint(named)
    )


class Posted:
    """A post that is handed on with others once its body is whole."""

    __slots__ = (
        "_begun", "_body", "_caller", "client", "headers", "is_complete", "is_gone", "keeps_alive", "party", "since",
        "version",
    )  # fmt: skip

    def __init__(
        self, client: ClientPart, headers: list[Header], *, keeps_alive: bool, version: str, caller: Caller
    ) -> None:
        self.client, self.headers, self.keeps_alive, self.version = client, headers, keeps_alive, version
        self._caller, self.party = caller, caller.party
        self.is_complete = self.is_gone = self._begun = False
        self._body: list[bytes] = []
        self.since = 0.0

    # --- the client's side ------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._begun = True
        if self.is_complete:
            self.client.front.hand_on(self)

    def feed(self, data: bytes) -> None:
        self._body.append(data)

    def complete(self) -> None:
        self.is_complete = True
        if self._begun:
            self.client.front.hand_on(self)

    def abandon(self) -> None:
        self.is_gone = True

    # --- the group's side -------------------------------------------------------------------------------------

    def handed(self) -> HandedPost:
        """As a web process is told of it."""
        front, named = self.client.front, dict(self.headers)
        host = named.get(b"host", b"")
        if front.is_behind_proxy:
            host = named.get(b"x-forwarded-host", host)
        return HandedPost(
            named[b"authorization"].decode("latin-1"),
            named.get(b"content-type", b"").decode("latin-1"),
            host.decode("latin-1"),
            b"".join(self._body),
        )

    def asked_for(self) -> list[Header]:
        """What a request of several posts says of where it was sent."""
        names = FORWARDED if self.client.front.is_behind_proxy else {b"host"}
        return [header for header in self.headers if header[0] in names]

    def answer(self, answer: HandedAnswer, shared: bytes) -> None:
        """Its own answer, with the headers that it shares with others."""
        if self.is_gone:
            return
        last = connection_header(keeps_alive=self.keeps_alive, version=self.version)
        own = b"content-type: %b\r\ncontent-length: %d\r\n" % (answer.content_type.encode("latin-1"), len(answer.body))
        self.client.write(b"".join([first_line(answer.status), shared, own, written(last), b"\r\n", answer.body]))
        self.client.finished(self)

    def ask_alone(self) -> None:
        """As the request that it is, which a web process answers on its own."""
        if self.is_gone:
            return
        relayed = Relayed(
            self.client, b"POST", TARGET, self.headers, keeps_alive=self.keeps_alive, version=self.version,
            caller=self._caller,
        )  # fmt: skip
        for piece in self._body:
            relayed.feed(piece)
        relayed.complete()
        self.client.put_in_place(relayed)

    def refuse(self, answer: Answer) -> None:
        """Answer here instead of the web process."""
        if self.is_gone:
            return
        self.client.write(self.client.front.bytes_of(answer, keeps_alive=self.keeps_alive))
        self.client.finished(self)


class Group:
    """Posts that one request to a web process hands on."""

    is_complete = True
    # Of several parties: how many groups are under way is bounded by itself.
    party = None

    def __init__(self, posts: Sequence[PostPart], ended: Callable[[int], None], when_read: WhenRead) -> None:
        self.posts, self._ended, self._when_read = posts, ended, when_read
        self.has_answered = False
        self._status = 0
        self._shared = self._evaluated_in = b""
        self._answer: list[bytes] = []

    # --- to the web process -----------------------------------------------------------------------------------

    def connected(self, web: WebPart) -> None:
        """Send them all."""
        body = posts_to_bytes([post.handed() for post in self.posts])
        headers = [*self.posts[0].asked_for(), (POSTS, b"%d" % len(self.posts)), (b"content-length", b"%d" % len(body))]
        web.write(b"POST %b HTTP/1.1\r\n%b\r\n%b" % (TARGET, written(headers), body))

    def refuse_for_now(self) -> None:
        """Its parties are bounded before they are in a group."""

    def hold(self) -> None:
        """The posts have been read already: there is no reading to hold."""

    def go_on(self) -> None:
        """See `hold`."""

    # --- from the web process ---------------------------------------------------------------------------------

    def interim(self, status: int) -> None:
        """Nobody asked for one."""

    def answer_head(self, status: int, headers: list[Header]) -> bool:
        self.has_answered = True
        self._status = status
        self._evaluated_in = value_of(headers, EVALUATED_IN)
        left_out = of_one_hop(headers)
        self._shared = written(
            [header for header in headers if header[0] not in left_out and header[0] not in OF_ONE_POST]
        )
        return False

    def answer_body(self, data: bytes) -> None:
        self._answer.append(data)

    def answered(self) -> None:
        """To each its own answer; what the web process did not answer together it is asked one by one. Where a budget
        came to a line, who has the answer is refused the next call.
        """
        self._ended(len(self.posts))
        self._when_read(self._evaluated_in, self._answer_each)

    def _answer_each(self) -> None:
        answers = self._answers()
        for post, answer in zip(self.posts, answers, strict=True):
            if answer is None:
                post.ask_alone()
            else:
                post.answer(answer, self._shared)

    def _answers(self) -> Sequence[HandedAnswer | None]:
        none = [None] * len(self.posts)
        if self._status != 200:  # noqa: PLR2004
            return none
        try:
            answers = answers_from_bytes(b"".join(self._answer))
        except ValueError:
            return none
        return answers if len(answers) == len(self.posts) else none

    def lost(self, *, was_used_before: bool) -> None:
        """Whether they were recorded is not known, so none is sent again here: their senders may do that."""
        del was_used_before
        self.has_answered = True
        self._ended(len(self.posts))
        for post in self.posts:
            post.refuse(unavailable(TARGET))


class Posts:
    """Hands posts on: at once when none is being recorded, otherwise with those that come meanwhile. Within AGAIN_S of
    a group's end the next one waits for as many as were waiting then: senders that wait for an answer come again at
    once, and would otherwise fall into two halves. Beside a group that takes longer than WAITS_S, or when there are
    more than one holds, others are handed on too, GROUPS_MAX at once.
    """

    def __init__(self, give_connection: Callable[[Group], None], when_read: WhenRead) -> None:
        self._give_connection, self._when_read = give_connection, when_read
        self._queue: FairQueue[PostPart] = FairQueue()
        self._under_way = 0
        # How many the next group may hope for until when.
        self._expected, self._until = 0, 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, post: PostPart) -> None:
        """It is answered when it is recorded."""
        post.since = asyncio.get_running_loop().time()
        if self._queue.length_of(post.party) >= POSTS_WAITING_MAX:
            post.refuse(too_many(TARGET, 1))
            return
        self._queue.put(post.party, post)
        self._look()

    def _look(self) -> None:
        """Hand on what is due, or look again when it will be."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        while self._queue and self._under_way < GROUPS_MAX:
            due = self._due()
            if loop.time() < due:
                self._timer = loop.call_at(due, self._look)
                return
            posts = [self._queue.pop() for _ in range(min(len(self._queue), POSTS_MAX))]
            self._under_way += 1
            self._give_connection(Group(posts, self._ended, self._when_read))

    def _due(self) -> float:
        """When the next group is handed on."""
        if len(self._queue) >= POSTS_MAX:
            return 0.0
        if self._under_way:
            return min(post.since for post in self._queue.heads()) + WAITS_S
        return 0.0 if len(self._queue) >= self._expected else self._until

    def _ended(self, count: int) -> None:
        self._under_way -= 1
        self._expected = min(count + len(self._queue), POSTS_MAX)
        self._until = asyncio.get_running_loop().time() + AGAIN_S
        self._look()
