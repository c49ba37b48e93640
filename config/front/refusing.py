"""Requests that are refused from their head, and those whose key is looked for first."""

from __future__ import annotations

import asyncio
from time import monotonic

from config.front.heads import Header, value_of
from config.front.limits import KEY_LOOK_EVERY_S, KEY_LOOK_S, READ_AWAY_BYTES_MAX
from config.front.parts import ClientPart, RequestPart
from policies.decisions.engine.answers import Answer


class Refused:
    """It is answered at once. What else comes of it is read away: of a short body for the next request's sake, of any
    other until the connection is closed.
    """

    __slots__ = ("_answer", "_has_begun", "_is_head", "client", "is_complete", "keeps_alive")

    def __init__(
        self, client: ClientPart, answer: Answer, headers: list[Header], *, keeps_alive: bool, is_head: bool = False
    ) -> None:
        self.client, self._answer, self._is_head = client, answer, is_head
        self.is_complete = self._has_begun = False
        length = value_of(headers, b"content-length") or b"0"
        is_short = (
            length.isdigit() and int(length) <= READ_AWAY_BYTES_MAX and not value_of(headers, b"transfer-encoding")
        )
        self.keeps_alive = keeps_alive and is_short

    def begin(self) -> None:
        front = self.client.front
        self.client.write(front.bytes_of(self._answer, keeps_alive=self.keeps_alive, is_head=self._is_head))
        self._has_begun = True
        if self.is_complete or not self.keeps_alive:
            self.client.finished(self)

    def feed(self, data: bytes) -> None:
        pass

    def complete(self) -> None:
        self.is_complete = True
        if self._has_begun and self.keeps_alive:
            self.client.finished(self)

    def abandon(self) -> None:
        pass


class Doubted:
    """Its key is not in memory. A new key comes there within a second: until then no more of the body is read."""

    __slots__ = ("_headers", "_inner", "_refused", "_since", "_target", "_timer", "client", "keeps_alive")

    def __init__(self, client: ClientPart, inner: RequestPart, target: bytes, headers: list[Header]) -> None:
        self.client, self._inner, self._target, self._headers = client, inner, target, headers
        self.keeps_alive = inner.keeps_alive
        self._since = monotonic()
        self._refused: Refused | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_complete(self) -> bool:
        return self._inner.is_complete

    def begin(self) -> None:
        self.client.pause("key")
        self._look()

    def _look(self) -> None:
        callers = self.client.front.callers
        if callers.knows(self._headers) or monotonic() > self._since + KEY_LOOK_S:
            # Where the database gives no word, the web processes tell.
            self.client.put_in_place(self._inner)
        elif callers.has_read_since(self._since):
            self._inner.abandon()
            answer = callers.key_refused(self._target)
            self._refused = Refused(self.client, answer, self._headers, keeps_alive=self.keeps_alive)
            self._refused.is_complete = self.is_complete
            self.client.put_in_place(self._refused)
        else:
            self._timer = asyncio.get_running_loop().call_later(KEY_LOOK_EVERY_S, self._look)
            return
        self.client.resume("key")

    def feed(self, data: bytes) -> None:
        if self._refused is None:
            self._inner.feed(data)

    def complete(self) -> None:
        self._inner.complete()
        if self._refused is not None:
            self._refused.complete()

    def abandon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._inner.abandon()
