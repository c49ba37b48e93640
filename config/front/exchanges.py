"""One request and its answer: given here from memory, or relayed to the web processes."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Hashable

from config.front.bodies import HeldBody
from config.front.callers import Caller, body_too_large, too_many
from config.front.heads import (
    CONTINUE,
    LAST_CHUNK,
    Header,
    chunk,
    first_line,
    of_one_hop,
    passed_on,
    value_of,
    written,
)
from config.front.parts import ClientPart, WebPart
from policies.decisions.documents import BODY_BYTES_MAX
from policies.decisions.engine.answers import RETRY_SHORTLY, Answer, refusal

logger = logging.getLogger(__name__)

NO_BODY_STATUS = frozenset({204, 304})
SAFE = frozenset({b"GET", b"HEAD", b"OPTIONS"})


class Answered:
    """A request that is answered here, once its body is whole."""

    __slots__ = (
        "_begun", "_body", "_is_gone", "_length", "_party", "client", "headers", "is_complete", "keeps_alive", "method",
        "target",
    )  # fmt: skip

    def __init__(
        self,
        client: ClientPart,
        method: bytes,
        target: bytes,
        headers: list[Header],
        *,
        keeps_alive: bool,
        party: Hashable,
    ) -> None:
        self.client, self.method, self.target, self.headers = client, method, target, headers
        self.is_complete, self.keeps_alive, self._begun, self._is_gone = False, keeps_alive, False, False
        self._party = party
        self._body: list[bytes] = []
        self._length = 0

    def begin(self) -> None:
        self._begun = True
        if self.is_complete:
            self._answer()
        elif value_of(self.headers, b"expect").lower() == b"100-continue":
            self.client.write(CONTINUE)

    def feed(self, data: bytes) -> None:
        self._length += len(data)
        if self._length <= BODY_BYTES_MAX + 1:
            self._body.append(data)
        elif len(self._body) < BODY_BYTES_MAX + 1:
            # One byte more than is allowed tells that it is too long.
            self._body = [b" " * (BODY_BYTES_MAX + 1)]

    def complete(self) -> None:
        self.is_complete = True
        if self._begun:
            self._answer()

    def abandon(self) -> None:
        self._is_gone = True

    def _answer(self) -> None:
        if self._is_gone:
            return
        front = self.client.front
        if wait_s := front.share_of(self._party):
            asyncio.get_running_loop().call_later(wait_s, self._answer)
            return
        given = front.answer(self.method, self.target, self.headers, b"".join(self._body))
        self.client.write(front.bytes_of(given, keeps_alive=self.keeps_alive, is_head=self.method == b"HEAD"))
        self.client.finished(self)


class Relayed:
    """A request that a web process answers once the body is whole: until then it costs none. The answer is passed on
    piece by piece.
    """

    __slots__ = (
        "_begun", "_body", "_body_bytes_max", "_is_chunked", "_is_held", "_tries", "_writes_chunks", "client",
        "has_answered", "headers", "is_complete", "keeps_alive", "method", "party", "target", "version", "web",
    )  # fmt: skip

    def __init__(
        self,
        client: ClientPart,
        method: bytes,
        target: bytes,
        headers: list[Header],
        *,
        keeps_alive: bool,
        version: str,
        caller: Caller,
    ) -> None:
        self.client, self.method, self.target, self.headers = client, method, target, headers
        self.keeps_alive, self.version, self.party = keeps_alive, version, caller.party
        self.is_complete = self.has_answered = self._begun = self._writes_chunks = self._is_held = False
        self._is_chunked = bool(value_of(headers, b"transfer-encoding"))
        self._body = HeldBody()
        self._body_bytes_max = client.front.callers.body_bytes_max(caller, target.partition(b"?")[0])
        self._tries = 0
        self.web: WebPart | None = None

    # --- to the web process -----------------------------------------------------------------------------------

    def begin(self) -> None:
        self._begun = True
        if self.is_complete:
            self.client.front.give_connection(self)
        elif value_of(self.headers, b"expect").lower() == b"100-continue":
            self.client.write(CONTINUE)

    def connected(self, web: WebPart) -> None:
        """Send it."""
        self._tries += 1
        self.web = web
        front = self.client.front
        headers = passed_on(self.headers, self.client.peer, is_behind_proxy=front.is_behind_proxy)
        if self.target == b"/readyz":
            headers.append(front.state())
        if self._is_chunked:
            headers.append((b"transfer-encoding", b"chunked"))
        self._is_held = False
        self._body.begin(web, b"%b %b HTTP/1.1\r\n%b\r\n" % (self.method, self.target, written(headers)))
        self._send_more()

    def feed(self, data: bytes) -> None:
        self._hold(chunk(data) if self._is_chunked else data)

    def _hold(self, data: bytes) -> None:
        if self.has_answered:
            return
        try:
            self._body.add(data)
        except OSError as problem:
            self.refuse(no_room(self.target, problem))
            return
        # What is said of a body's length is measured already; pieces are measured here, with their own lengths.
        if self._body.length > self._body_bytes_max * (2 if self._is_chunked else 1):
            self.refuse(body_too_large(self.target.partition(b"?")[0], self._body_bytes_max))

    def complete(self) -> None:
        self.is_complete = True
        if self._is_chunked:
            self._hold(LAST_CHUNK)
        if self._begun and not self.has_answered:
            self.client.front.give_connection(self)

    def _send_more(self) -> None:
        while self.web is not None and not self._is_held and (data := self._body.more()):
            self.web.write(data)

    def hold(self) -> None:
        """The web process takes no more just now."""
        self._is_held = True

    def go_on(self) -> None:
        """It takes more."""
        self._is_held = False
        self._send_more()

    def abandon(self) -> None:
        if self.web is not None:
            self.web.close()
            self.web = None
        self.has_answered = True
        self._body.forget()

    # --- from the web process ---------------------------------------------------------------------------------

    def interim(self, status: int) -> None:
        """The client was told to go on here."""

    def answer_head(self, status: int, headers: list[Header]) -> bool:
        """Write the answer's head; whether no body follows."""
        self.has_answered = True
        left_out = of_one_hop(headers)
        kept = [header for header in headers if header[0] not in left_out]
        has_no_body = self.method == b"HEAD" or status in NO_BODY_STATUS
        if not has_no_body and not value_of(kept, b"content-length"):
            if self.version == "1.1":
                self._writes_chunks = True
                kept.append((b"transfer-encoding", b"chunked"))
            else:
                self.keeps_alive = False
        kept += connection_header(keeps_alive=self.keeps_alive, version=self.version)
        self.client.write(first_line(status) + written(kept) + b"\r\n")
        return has_no_body

    def answer_body(self, data: bytes) -> None:
        """A piece of the answer's body."""
        self.client.write(chunk(data) if self._writes_chunks else data)

    def answered(self) -> None:
        """The answer has ended; its connection to the web process is somebody else's again."""
        self.web = None
        self._body.forget()
        if self._writes_chunks:
            self.client.write(LAST_CHUNK)
        self.client.finished(self)

    def lost(self, *, was_used_before: bool) -> None:
        """The web process has closed the connection, or there is none."""
        self.web = None
        if self.has_answered:
            return self.client.break_off()
        if was_used_before and self._tries == 1 and self.method in SAFE and not self._is_chunked and self.is_complete:
            # It was closed while it was idle, as at a restart.
            return self.client.front.give_connection(self)
        return self.refuse(unavailable(self.target))

    def refuse(self, answer: Answer) -> None:
        """Answer here instead of the web process."""
        self.has_answered = True
        self.keeps_alive = self.keeps_alive and self.is_complete
        self._body.forget()
        self.client.write(
            self.client.front.bytes_of(answer, keeps_alive=self.keeps_alive, is_head=self.method == b"HEAD")
        )
        self.client.finished(self)

    def refuse_for_now(self) -> None:
        """Too many of the same organisation wait."""
        self.refuse(too_many(self.target.partition(b"?")[0], 1))


def connection_header(*, keeps_alive: bool, version: str) -> list[Header]:
    """What an answer says of its connection; nothing where that is understood."""
    if not keeps_alive:
        return [(b"connection", b"close")]
    return [] if version == "1.1" else [(b"connection", b"keep-alive")]


def unavailable(target: bytes) -> Answer:
    """For as long as no web process answers, as while they are restarted."""
    return refusal(
        status=503,
        code="web_unavailable",
        detail="Weir's web process does not answer just now. Try again shortly.",
        path=path_of(target),
        headers=(RETRY_SHORTLY,),
    )


def no_room(target: bytes, problem: OSError) -> Answer:
    """For as long as a body cannot be held, since the disk of temporary files is full."""
    logger.error("a body could not be held in %s: %s", tempfile.gettempdir(), problem.strerror)
    return refusal(
        status=503,
        code="disk_full",
        detail="Weir has no room for this body just now. Nothing of it was recorded: send it again shortly.",
        path=path_of(target),
        headers=(RETRY_SHORTLY,),
    )


def path_of(target: bytes) -> str:
    """The path of a request's target, without what follows a question mark."""
    return target.partition(b"?")[0].decode("latin-1")
