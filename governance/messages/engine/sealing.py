"""Secrets at rest: AES-256-GCM with the row's identity as associated data, under a ring of keys.

Sealed bytes: version (1) ‖ key id (4) ‖ nonce (12) ‖ ciphertext and tag. A value that was moved to another row, cut or
changed raises SealBroken.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from governance.errors import DomainError

VERSION = b"\x01"
KEY_ID_BYTES = 4
NONCE_BYTES = 12
_HEAD = 1 + KEY_ID_BYTES


class SealBroken(DomainError):
    """The sealed value does not open: it was changed, belongs to another row, or its key was removed from the ring."""

    code = "seal_broken"
    status = 500


def seal(plaintext: bytes, *, identity: str, ring: Sequence[bytes]) -> bytes:
    """Encrypts with the ring's first key. SealBroken (`secret_key_missing`) when the ring is empty."""
    if not ring:
        raise SealBroken("There is no key to encrypt with; set WEIR_SECRET_KEYS.", code="secret_key_missing")
    head = VERSION + _key_id(ring[0])
    nonce = os.urandom(NONCE_BYTES)
    return head + nonce + AESGCM(ring[0]).encrypt(nonce, plaintext, head + identity.encode())


def unseal(sealed: bytes, *, identity: str, ring: Sequence[bytes]) -> bytes:
    """The plaintext, with whichever key of the ring sealed it. SealBroken when none opens it as `identity`."""
    head, nonce, ciphertext = sealed[:_HEAD], sealed[_HEAD : _HEAD + NONCE_BYTES], sealed[_HEAD + NONCE_BYTES :]
    if head[:1] != VERSION or len(nonce) != NONCE_BYTES:
        raise SealBroken("A sealed value has no form known here.")
    for key in ring:
        if _key_id(key) != head[1:]:
            continue
        try:
            return AESGCM(key).decrypt(nonce, ciphertext, head + identity.encode())
        except InvalidTag:
            continue
    raise SealBroken(f"A sealed value does not open as {identity}; is its key still in WEIR_SECRET_KEYS?")


def is_current(sealed: bytes, ring: Sequence[bytes]) -> bool:
    """Whether the value was sealed with the ring's first key."""
    return bool(ring) and sealed[1:_HEAD] == _key_id(ring[0])


def digest_of(key: bytes) -> str:
    """By which two installations see whether they have the same key; the key cannot be found from it."""
    return hashlib.sha256(b"weir sealing key" + key).hexdigest()


def mark_of(plaintext: str, *, ring: Sequence[bytes]) -> str:
    """By which two secrets are seen to be the same; nobody without the ring's first key finds out or tries them."""
    key = ring[0] if ring else b""
    return hmac.new(hashlib.sha256(b"weir mark" + key).digest(), plaintext.encode(), hashlib.sha256).hexdigest()


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"weir key id" + key).digest()[:KEY_ID_BYTES]
