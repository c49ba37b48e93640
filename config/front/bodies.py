"""A request's body, held until it is whole."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from typing import IO

from config.front.limits import BODY_BYTES_IN_MEMORY
from config.front.parts import WebPart

PIECE_BYTES = 64 * 1024


class HeldBody:
    """In memory, and from BODY_BYTES_IN_MEMORY on in a file that has no name."""

    __slots__ = ("_file", "_pieces", "length")

    def __init__(self) -> None:
        self.length = 0
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None

    def add(self, data: bytes) -> None:
        """A piece as it is sent on. OSError when the file has no room for it: then nothing of the body is held."""
        self.length += len(data)
        try:
            self._keep(data)
        except OSError:
            self.forget()
            raise

    def _keep(self, data: bytes) -> None:
        if self._file is None and self.length > BODY_BYTES_IN_MEMORY:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the request
            self._file.write(b"".join(self._pieces))
            self._pieces.clear()
        if self._file is None:
            self._pieces.append(data)
        else:
            self._file.write(data)
            # Whatever is written later than here is written where nobody can be told that there is no room.
            self._file.flush()

    def begin(self, web: WebPart, head: bytes) -> None:
        """Write the head and what is in memory."""
        web.write(b"".join([head, *self._pieces]))
        if self._file is not None:
            self._file.seek(0)

    def more(self) -> bytes:
        """The next piece of what is in the file; nothing at its end."""
        return b"" if self._file is None else self._file.read(PIECE_BYTES)

    def forget(self) -> None:
        """It is not needed any more."""
        self._pieces.clear()
        if self._file is not None:
            with suppress(OSError):  # what could not be written is tried once more
                self._file.close()
            self._file = None
