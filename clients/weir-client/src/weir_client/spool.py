"""Usage on disk while Weir is away: lines are appended, and forgotten once Weir has answered for them.

A folder holds `usage.ndjson`, the records; `sent`, how many bytes of it Weir has answered for; `refused.ndjson`, what
Weir would not count, each with its reason.
"""

import fcntl
import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from weir_client.errors import SpoolInUse

BATCH_MAX = 500
BATCH_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that wait, each a line of JSON; `end` is where they end in the file."""

    lines: tuple[bytes, ...]
    end: int


class Spool:
    """One process at a time; any number of threads. What `append` has returned from is there after the process is
    killed, and with `sync` after the machine is. A record keeps its id, so one that is sent again counts once.
    """

    def __init__(self, folder: Path | str, *, sync: bool = False) -> None:
        self.folder, self._sync = Path(folder), sync
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._held = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            self._held.close()
            message = f"Another process has the spool {self.folder}."
            raise SpoolInUse(message) from problem
        self._file = (self.folder / "usage.ndjson").open("a+b")
        self._forget_half_a_line()
        # Written again: a number beyond the end, left by a kill, would be within it once more has been appended.
        self._write_sent(self._read_sent())

    def append(self, record: Mapping[str, Any]) -> None:
        """Keeps a record until Weir has answered for it."""
        line = json.dumps(record, default=str, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()
            if self._sync:
                os.fsync(self._file.fileno())

    def next_batch(self, records_max: int = BATCH_MAX) -> Batch:
        """The oldest that wait, at most so many; none where nothing waits. They wait until `answered`."""
        with self._lock:
            self._file.seek(self._sent)
            lines, size = list[bytes](), 0
            while len(lines) < records_max and size < BATCH_BYTES_MAX and (line := self._file.readline()):
                lines.append(line.rstrip(b"\n"))
                size += len(line)
            return Batch(tuple(lines), self._sent + size)

    def answered(self, batch: Batch, refused: Sequence[tuple[bytes, Mapping[str, Any]]] = ()) -> None:
        """Weir has answered for the batch; what it refused is kept aside with the reason."""
        with self._lock:
            if refused:
                with (self.folder / "refused.ndjson").open("ab") as aside:
                    for line, reason in refused:
                        kept = {"reason": dict(reason), "record": line.decode()}
                        aside.write(json.dumps(kept).encode() + b"\n")
            self._write_sent(batch.end)
            if self._sent == self._file.seek(0, os.SEEK_END):
                # A kill in between leaves `sent` beyond the end, which the next start takes for the beginning.
                self._file.truncate(0)
                self._write_sent(0)

    @property
    def waiting_bytes(self) -> int:
        """How much waits."""
        with self._lock:
            return self._file.seek(0, os.SEEK_END) - self._sent

    def close(self) -> None:
        """What waits stays for the next to open it."""
        self._file.close()
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _forget_half_a_line(self) -> None:
        """A process that is killed while it writes leaves a line without an end; nobody was told that it is kept."""
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if line.endswith(b"\n"):
                whole += len(line)
        self._file.truncate(whole)

    def _read_sent(self) -> int:
        try:
            sent = int((self.folder / "sent").read_text() or 0)
        except (FileNotFoundError, ValueError):
            return 0
        return sent if sent <= self._file.seek(0, os.SEEK_END) else 0

    def _write_sent(self, sent: int) -> None:
        draft = self.folder / "sent.draft"
        draft.write_text(str(sent))
        draft.replace(self.folder / "sent")
        self._sent = sent
