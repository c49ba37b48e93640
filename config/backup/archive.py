"""A backup as a file: a tar of the database, the keys, and a manifest that says what they are. No Django."""

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from io import BufferedIOBase
from pathlib import Path

FORMAT = "weir-backup/1"
MANIFEST, DATABASE, SECRETS = "manifest.json", "database.dump", "secrets.json"
OWNER_ONLY = 0o600
CHUNK = 1 << 20
KEYS_BYTES_MAX = 1 << 20


class BackupError(Exception):
    """A backup that cannot be made or read, in a sentence."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `head` is that of the chain of decision records, "" before the first; `digests` are SHA-256
    of the other members.
    """

    made_at: str
    weir: str
    postgresql: int
    migrations: dict[str, str]
    head: str
    channels: int
    digests: dict[str, str]
    format: str = FORMAT


def write(file: Path, *, dump: Path, secrets: bytes, manifest: Callable[[dict[str, str]], Manifest]) -> Manifest:
    """Writes the file beside its name, closed to others from its first byte, and puts it in its place when it is whole.
    `manifest` is given the digests.
    """
    draft = file.with_name(f"{file.name}.part")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as out:
        with dump.open("rb") as stored:
            digests = {DATABASE: _digest(stored), SECRETS: hashlib.sha256(secrets).hexdigest()}
        said = manifest(digests)
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name, content in ((MANIFEST, json.dumps(asdict(said), indent=1).encode()), (SECRETS, secrets)):
                archive.addfile(_member(name, len(content)), io.BytesIO(content))
            with dump.open("rb") as stored:
                archive.addfile(_member(DATABASE, dump.stat().st_size), stored)
        out.flush()
        os.fsync(out.fileno())
    draft.rename(file)
    return said


def read_manifest(file: Path) -> Manifest:
    """BackupError for a file that is no backup, or one of a later form."""
    try:
        said = json.loads(_content(file, MANIFEST))
    except ValueError:
        raise BackupError(f"{file} is no backup of Weir: its manifest cannot be read.") from None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise BackupError(f"{file} is no backup of this form ({FORMAT}); restore it with the version that made it.")
    return Manifest(**said)


def read_secrets(file: Path) -> bytes:
    """The keys as they were kept. BackupError when they are not those that were written."""
    content = _content(file, SECRETS)
    if hashlib.sha256(content).hexdigest() != read_manifest(file).digests[SECRETS]:
        raise BackupError(f"{file} is damaged: its keys are not those that were written.")
    return content


def unpack_database(file: Path, to: Path) -> None:
    """Writes the dump to `to`. BackupError when it is not the one that was written."""
    with (
        tarfile.open(file) as archive,
        os.fdopen(os.open(to, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w+b") as out,
    ):
        stored = archive.extractfile(DATABASE)
        if stored is None:
            raise BackupError(f"{file} holds no database.")
        shutil.copyfileobj(stored, out, CHUNK)
        out.seek(0)
        digest = _digest(out)
    if digest != read_manifest(file).digests[DATABASE]:
        to.unlink()
        raise BackupError(f"{file} is damaged: its database is not the one that was written.")


def _content(file: Path, name: str) -> bytes:
    try:
        with tarfile.open(file) as archive:
            stored = archive.extractfile(name)
            content = b"" if stored is None else stored.read(KEYS_BYTES_MAX)
    except (tarfile.TarError, KeyError):
        raise BackupError(f"{file} is no backup of Weir.") from None
    except OSError as problem:
        raise BackupError(f"{file} cannot be read: {problem.strerror}.") from None
    return content


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, OWNER_ONLY
    return member


def _digest(file: BufferedIOBase) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
