"""The outside world on loopback: Slack's incoming-webhook contract and a real SMTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from typing_extensions import override


@dataclass
class Received:
    """What arrived, in order; appended by the server's threads."""

    slack: list[dict[str, Any]] = field(default_factory=list)
    mail: list[Message] = field(default_factory=list)

    def slack_texts(self, word: str) -> list[str]:
        return [text for message in self.slack if word in (text := json.dumps(message))]

    def subjects(self, word: str) -> list[str]:
        return [subject for message in self.mail if word in (subject := str(message["Subject"]))]


@contextmanager
def slack_server(received: Received) -> Iterator[str]:
    """Slack's contract: POST of JSON with `text` or `blocks` answers 200 "ok"; anything else 400 "invalid_payload"."""

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            payload = json.loads(body)
            known = isinstance(payload, dict) and ("text" in payload or "blocks" in payload)
            if known:
                received.slack.append(payload)
            answer = b"ok" if known else b"invalid_payload"
            self.send_response(200 if known else 400)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: the test reads `received`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/services/T000/B000/XXX"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def smtp_server(received: Received, port: int) -> Iterator[int]:
    class Inbox:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd calls it so
            assert isinstance(envelope.content, bytes)
            received.mail.append(message_from_bytes(envelope.content))
            return "250 Message accepted for delivery"

    controller = Controller(Inbox(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()
