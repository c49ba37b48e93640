"""What `weir up` prepares besides the database: secrets, the lock of the folder, the supervisor's configuration."""

import base64
import fcntl
import json
import os
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from config.folders import PROJECT, DataFolder
from config.programs import MARK, SUPERVISED, mark

STOP_TIMEOUT_S = {"service": 10, "front": 8}


def ensure_secrets(folder: DataFolder) -> bool:
    """Generate and store the secret keys, readable by the owner only; False when the folder has them already."""
    if folder.secrets.exists():
        return False
    generated = {
        "secret_key": secrets.token_urlsafe(50),
        "secret_keys": [base64.b64encode(secrets.token_bytes(32)).decode()],
    }
    store_secrets(folder, generated)
    return True


def store_secrets(folder: DataFolder, content: Mapping[str, object]) -> None:
    """Readable by the owner only from the first byte, and whole or not at all."""
    draft = folder.secrets.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(folder.secrets)


class AlreadyRunning(Exception):  # it is a state, not an error
    """Another `weir up` holds this data folder."""

    def __init__(self, folder: DataFolder) -> None:
        running = {}
        with suppress(OSError, ValueError):
            running = json.loads((folder.path / "up.json").read_text())
        where = f" at {running['url']} (process {running['pid']})" if running else ""
        super().__init__(f"Weir is already running on {folder.path}{where}.")


def lock_folder(folder: DataFolder) -> None:
    """Lock the folder for the life of this process and of the supervisor it becomes; AlreadyRunning when another
    process holds the lock.
    """
    descriptor = os.open(folder.path / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AlreadyRunning(folder) from None
    os.set_inheritable(descriptor, True)


def supervisor_configuration(folder: DataFolder, *, embedded: bool) -> str:
    """The text of supervisord.conf. Lower priorities start first and stop last, so the database outlives its users."""
    python = sys.executable
    parts = [
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        f"logfile={_text(folder.logs / 'supervisord.log')}",
        "logfile_maxbytes=5MB",
        "logfile_backups=2",
        f"pidfile={_text(folder.path / 'supervisord.pid')}",
        f"childlogdir={_text(folder.logs)}",
        "minfds=1024",
        *(["user=root"] if os.geteuid() == 0 else []),
    ]
    if embedded:
        run = f'"{_text(python)}" -m config.embedded run "{_text(folder.path)}"'
        parts += _program("postgres", run, folder, priority=10, timeout_s=40, extra=["stopsignal=INT"])
    for number, program in enumerate(SUPERVISED):
        run = f'"{_text(python)}" -m config.programs {program}'
        parts += _program(program, run, folder, priority=20 + number, timeout_s=STOP_TIMEOUT_S[program])
    # Programs of a group stop together, groups one after the other: only the database waits for the others.
    parts += ["", "[group:service]", f"programs={','.join(SUPERVISED)}", "priority=20"]
    return "\n".join(parts) + "\n"


def _program(
    name: str, run: str, folder: DataFolder, *, priority: int, timeout_s: int, extra: list[str] | None = None
) -> list[str]:
    return [
        "",
        f"[program:{name}]",
        f"command={run}",
        f"directory={_text(PROJECT)}",
        f'environment={MARK}="{_text(mark(folder, name))}"',
        "autorestart=true",
        "startsecs=1",
        # Never give up: the machine may be out of memory or disk for a while.
        "startretries=1000000",
        f"priority={priority}",
        f"stopwaitsecs={timeout_s}",
        "killasgroup=true",
        f"stdout_logfile={_text(folder.logs / f'{name}.log')}",
        "stdout_logfile_maxbytes=10MB",
        "stdout_logfile_backups=3",
        "redirect_stderr=true",
        *(extra or []),
    ]


def _text(path: Path | str) -> str:
    """The text with percent signs doubled, since supervisord expands them."""
    return str(path).replace("%", "%%")
