"""Connections of clients: requests are read one after the other, and answered in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

from config.front.exchanges import Answered, Relayed
from config.front.heads import Header, value_of
from config.front.limits import (
    ANSWER_BYTES_HELD,
    ANSWER_S,
    BODY_BYTES_PER_S_MIN,
    BODY_S,
    BODY_SLICE_BYTES,
    HEAD_BYTES_MAX,
    HEAD_S,
    IDLE_S,
    LINGER_S,
    READER_BYTES_PER_S_MIN,
    READER_S,
    SLICE_BYTES,
    TARGET_BYTES_MAX,
)
from config.front.parsers import httptools
from config.front.parts import FrontPart, RequestPart
from config.front.posts import Posted, is_small_post
from config.front.refusing import Doubted, Refused
from policies.decisions.engine.answers import RETRY_SHORTLY, Answer, refusal

MALFORMED = refusal(status=400, code="malformed_request", detail="The request is not HTTP as it is written down.")
FULL = refusal(
    status=503, code="too_many_connections", detail="There are too many connections. Try again shortly.",
    headers=(RETRY_SHORTLY,),
)  # fmt: skip
TOO_LARGE = refusal(
    status=431, code="headers_too_large", detail=f"The address or the headers are larger than {HEAD_BYTES_MAX:,} bytes."
)
TOO_SLOW = refusal(status=408, code="request_timeout", detail=f"The headers did not come within {HEAD_S} s.")


class Client(asyncio.Protocol):
    """One connection. ``peer`` is the client's address."""

    def __init__(self, front: FrontPart) -> None:
        self.front = front
        self.peer = b"unknown"
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._current: RequestPart | None = None
        self._coming: RequestPart | None = None
        self._waiting: deque[RequestPart] = deque()
        self._pauses: set[str] = set()
        self._is_refused = self._is_last = False
        self._heard_at = front.now()
        self._lingers_until = self._reader_paused_at = 0.0
        self._target = b""
        self._headers: list[Header] = []
        self._head_began_at: float | None = None
        self._head_bytes = 0
        self._body_began_at, self._body_bytes = 0.0, 0
        self._unread: deque[bytes] = deque()
        self._slow_since, self._slow_bytes = 0.0, 0

    # --- the loop's side --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is none by its class
        self._transport.set_write_buffer_limits(high=ANSWER_BYTES_HELD)
        peer = transport.get_extra_info("peername")
        if peer:
            self.peer = str(peer[0]).encode()
        if not self.front.join(self):
            self._refuse(FULL)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.front.now()
        if self._is_refused:
            return
        if self._unread or len(data) > SLICE_BYTES:
            # Many requests may have come at once: the others' turn is after a few of them.
            self._unread.append(data)
            self.pause("slice")
            self._read_on()
        else:
            self._read(data)

    def _read_on(self) -> None:
        """The next slice of what has come, unless something must be waited for."""
        if not self._unread or self._transport is None or self._is_refused or self._pauses != {"slice"}:
            return
        data = self._unread.popleft()
        size = SLICE_BYTES if self._coming is None else BODY_SLICE_BYTES
        if len(data) > size:
            self._unread.appendleft(data[size:])
        self._read(data[:size])
        if self._unread:
            asyncio.get_running_loop().call_soon(self._read_on)
        else:
            self.resume("slice")

    def _read(self, data: bytes) -> None:
        if self._head_began_at is not None:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # It is answered as if it had not asked for another protocol, and is the last on its connection.
            self._is_last = True
        except httptools.HttpParserError:
            if not self._is_refused:
                self._refuse(MALFORMED)
        if self._head_began_at is not None and self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(TOO_LARGE)

    def eof_received(self) -> bool:
        """A client that ends its side has gone: from one that only says no more it cannot be told."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self.front.leave(self)
        self._unread.clear()
        for request in (self._current, *self._waiting):
            if request is not None:
                request.abandon()
        self._current = None
        self._waiting.clear()

    def pause_writing(self) -> None:
        self._reader_paused_at = self.front.now()
        self._slow_since = self._slow_since or self._reader_paused_at
        if isinstance(self._current, Relayed) and self._current.web is not None:
            self._current.web.pause_reading()
            self.front.is_slow(self)

    def resume_writing(self) -> None:
        self._reader_paused_at = 0.0
        self.front.is_quick(self)
        if isinstance(self._current, Relayed) and self._current.web is not None:
            self._current.web.resume_reading()

    # --- the parser's side ------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._target, self._headers = b"", []
        self._head_began_at, self._head_bytes = self.front.now(), 0

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._head_began_at = None
        if self._is_refused:
            return
        if len(self._target) > TARGET_BYTES_MAX or self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(TOO_LARGE)
            return
        if any(name == b"transfer-encoding" and value.lower() != b"chunked" for name, value in self._headers):
            # The parser would take all that follows for the body.
            self._refuse(MALFORMED)
            return
        request = self._coming = self._request()
        self._body_began_at, self._body_bytes = self.front.now(), 0
        if self._current is None:
            self._current = request
            request.begin()
        else:
            self._waiting.append(request)
            self.pause("order")

    def _request(self) -> RequestPart:
        front, method, target, headers = self.front, self._parser.get_method(), self._target, self._headers
        keeps_alive = self._parser.should_keep_alive() and not self._is_last and not front.is_stopping
        caller = front.callers.caller(method, target, headers, self.peer)
        refused = front.callers.refused_from_head(caller, target, headers, front.now())
        if refused is not None:
            return Refused(self, refused, headers, keeps_alive=keeps_alive, is_head=method == b"HEAD")
        if front.is_answered_here(target):
            return Answered(self, method, target, headers, keeps_alive=keeps_alive, party=caller.party)
        version = self._parser.get_http_version()
        request: RequestPart
        if is_small_post(method, target, headers):
            request = Posted(self, headers, keeps_alive=keeps_alive, version=version, caller=caller)
        else:
            keeps_alive = keeps_alive and not value_of(headers, b"upgrade")
            request = Relayed(
                self, method, target, headers, keeps_alive=keeps_alive, version=version, caller=caller
            )  # fmt: skip
        is_doubtful = front.callers.is_doubtful(caller, target, headers)
        return Doubted(self, request, target, headers) if is_doubtful else request

    def on_body(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._coming is not None:
            self._coming.feed(data)

    def on_message_complete(self) -> None:
        request, self._coming = self._coming, None
        if request is not None:
            request.complete()
        if self._lingers_until and not self._is_refused:
            self._close()

    # --- the requests' side -----------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """To the client."""
        if self._transport is not None:
            if self._slow_since:
                self._slow_bytes += len(data)
            self._transport.write(data)

    def pause(self, why: str) -> None:
        """Read no more until every reason for it has gone."""
        if not self._pauses and self._transport is not None:
            self._transport.pause_reading()
        self._pauses.add(why)

    def resume(self, why: str) -> None:
        if why in self._pauses:
            self._pauses.discard(why)
            if not self._pauses and self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()
            elif self._pauses == {"slice"}:
                asyncio.get_running_loop().call_soon(self._read_on)

    def put_in_place(self, request: RequestPart) -> None:
        """Answer another request in the place of the current one."""
        self._current = request
        request.begin()

    def finished(self, request: RequestPart) -> None:
        """The request is answered whole: the next one's turn, or the connection's end."""
        if request is not self._current:
            return
        self._current = None
        self._heard_at = self.front.now()
        self._slow_since, self._slow_bytes = 0.0, 0
        if not request.keeps_alive:
            self._end(request)
        elif self._waiting:
            self._current = self._waiting.popleft()
            # Not from inside the answer before: very many may wait.
            asyncio.get_running_loop().call_soon(self._begin, self._current)
        elif self._is_last or self.front.is_stopping:
            self._end(request)
        else:
            self.resume("order")

    def _begin(self, request: RequestPart) -> None:
        if request is self._current:
            request.begin()

    def _end(self, request: RequestPart) -> None:
        """Close when what the client still sends has come, or after LINGER_S."""
        self._waiting.clear()
        if request.is_complete:
            self._close()
            return
        self._lingers_until = self.front.now() + LINGER_S
        for why in tuple(self._pauses):
            self.resume(why)

    def break_off(self) -> None:
        """An answer that had begun cannot be ended: the client must see that it is not whole."""
        if self._transport is not None:
            self._transport.abort()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _refuse(self, answer: Answer) -> None:
        """Answer what is not a request that could be read on from."""
        self._is_refused = True
        self._head_began_at = None
        if self._current is None:
            self.write(self.front.bytes_of(answer, keeps_alive=False))
        self._lingers_until = self.front.now() + LINGER_S

    # --- the clock --------------------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """End what takes too long."""
        if self._lingers_until:
            is_over = now > self._lingers_until
        elif self._reader_paused_at:
            is_over = now - self._reader_paused_at > READER_S or (
                now - self._slow_since > READER_S and self.bytes_per_s(now) < READER_BYTES_PER_S_MIN
            )
        elif self._current is not None:
            is_over = self._is_silent(self._current, now)
        elif self._head_began_at is not None:
            if now - self._head_began_at > HEAD_S:
                self._refuse(TOO_SLOW)
            return
        else:
            is_over = now - self._heard_at > IDLE_S
        if is_over:
            self.break_off()

    def _is_silent(self, request: RequestPart, now: float) -> bool:
        """Whether the client sends no more of its body, or too slowly, or the web process no answer for longer than is
        waited.
        """
        silent_s = now - self._heard_at
        if request.is_complete or self._pauses:
            return silent_s > ANSWER_S
        took_s = now - self._body_began_at
        return silent_s > BODY_S or took_s > BODY_S + self._body_bytes / BODY_BYTES_PER_S_MIN

    def may_make_room(self, now: float) -> tuple[int, float] | None:
        """How much is lost when it is closed to make room, the least first; None while something is being answered."""
        if self._current is None:
            return (0 if self._head_began_at is None else 1), self._heard_at - now
        return None if self._current.is_complete else (2, self._body_began_at - now)

    def bytes_per_s(self, now: float) -> float:
        """How fast it has read since it first was slow."""
        return self._slow_bytes / max(now - self._slow_since, 1.0)

    def stop(self) -> None:
        """Close now when nothing is being answered, otherwise after it."""
        self._is_last = True
        if self._current is None:
            self._close()
