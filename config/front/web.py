"""Connections to the web processes, used again and again."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

from config.front.heads import Header
from config.front.limits import IDLE_CONNECTIONS_TO_WEB, IDLE_TO_WEB_S
from config.front.parsers import httptools
from config.front.parts import ExchangePart
from config.front.turns import Turns

INTERIM = 200


class WebConnection(asyncio.Protocol):
    """One connection: of one exchange at a time, or idle."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._transport: asyncio.Transport | None = None
        self._exchange: ExchangePart | None = None
        self._uses = 0
        self.idle_since = 0.0

    # --- the exchange's side ----------------------------------------------------------------------------------

    def serve(self, exchange: ExchangePart) -> None:
        """It is this exchange's until the answer has ended."""
        self._exchange = exchange
        self._uses += 1
        self._expect_answer()
        exchange.connected(self)

    def _expect_answer(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[Header] = []
        self._is_interim = False

    def write(self, data: bytes) -> None:
        """To the web process."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Whoever it belonged to has gone."""
        self._let_go()
        if self._transport is not None:
            self._transport.abort()

    def _let_go(self) -> ExchangePart | None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            self._web.ended(exchange)
        return exchange

    def pause_reading(self) -> None:
        """The client reads more slowly than the web process writes."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # --- the loop's side --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is none by its class

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:
            # Nothing was asked.
            return self.close()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._lose()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._web.forget(self)
        self._lose()

    def _lose(self) -> None:
        exchange = self._let_go()
        if exchange is not None:
            exchange.lost(was_used_before=self._uses > 1)
        self.close()

    def pause_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.hold()

    def resume_writing(self) -> None:
        if self._exchange is not None:
            self._exchange.go_on()

    # --- the parser's side ------------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self._is_interim = status < INTERIM
        if self._exchange is None:
            return
        if self._is_interim:
            self._exchange.interim(status)
            self._headers = []
        elif self._exchange.answer_head(status, self._headers):
            # The parser cannot be told that the answer to a HEAD has no body: what it makes of the rest is not heard.
            self._end(is_reusable=False)

    def on_body(self, data: bytes) -> None:
        if self._exchange is not None:
            self._exchange.answer_body(data)

    def on_message_complete(self) -> None:
        if not self._is_interim:
            self._end()

    def _end(self, *, is_reusable: bool = True) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        is_reusable = is_reusable and exchange.is_complete and self._parser.should_keep_alive()
        exchange.go_on()
        # This connection is not among the idle ones yet: the client's next request must not begin inside this parser.
        exchange.answered()
        if is_reusable:
            self.resume_reading()
            self._web.take_back(self)
        else:
            self.close()
        self._web.ended(exchange)


class Web:
    """The web processes at one Unix socket."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._idle: deque[WebConnection] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._turns: Turns[ExchangePart] = Turns()

    def give_connection(self, exchange: ExchangePart) -> None:
        """A connection when it is the turn of the exchange's party."""
        if exchange.party is None or self._turns.begin(exchange.party):
            self._give(exchange)
        elif not self._turns.wait(exchange.party, exchange):
            exchange.refuse_for_now()

    def ended(self, exchange: ExchangePart) -> None:
        """It needs its connection no more: the next one's turn."""
        if exchange.party is None:
            return
        self._turns.end(exchange.party)
        while (following := self._turns.next()) is not None:
            if following.has_answered:
                self._turns.end(following.party)
            else:
                self._give(following)

    def _give(self, exchange: ExchangePart) -> None:
        """An idle connection at once, or a new one shortly."""
        if self._idle:
            self._idle.popleft().serve(exchange)
            return
        task = asyncio.get_running_loop().create_task(self._connect(exchange))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, exchange: ExchangePart) -> None:
        try:
            _, connection = await asyncio.get_running_loop().create_unix_connection(
                lambda: WebConnection(self), self._path
            )
        except OSError:
            self.ended(exchange)
            if not exchange.has_answered:
                exchange.lost(was_used_before=False)
            return
        if exchange.has_answered:
            self.ended(exchange)
            self.take_back(connection)
        else:
            connection.serve(exchange)

    def take_back(self, connection: WebConnection) -> None:
        """Its exchange has ended. The one idle longest is used next, so that all web processes have their share."""
        if len(self._idle) >= IDLE_CONNECTIONS_TO_WEB:
            connection.close()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)

    def forget(self, connection: WebConnection) -> None:
        """It is closed."""
        if connection in self._idle:
            self._idle.remove(connection)

    def sweep(self, now: float) -> None:
        """Close connections that were idle for long."""
        while self._idle and now - self._idle[0].idle_since > IDLE_TO_WEB_S:
            self._idle.popleft().close()
