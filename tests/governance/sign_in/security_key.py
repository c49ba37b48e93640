"""A security key in software: what a browser and its key answer to a page that asks for one."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor

PRESENT, VERIFIED, ATTESTED = 1, 4, 64


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SecurityKey:
    """ES256, without attestation."""

    def __init__(self, origin: str, rp_id: str) -> None:
        self._origin, self._rp = origin, sha256(rp_id.encode()).digest()
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._id = os.urandom(32)
        self._count = 0

    def made(self, options: dict[str, Any]) -> str:
        """For the page that adds it."""
        numbers = self._private.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self._id).to_bytes(2, "big") + self._id + cbor.encode(public)
        data = self._rp + bytes([PRESENT | VERIFIED | ATTESTED]) + bytes(4) + attested
        told = {
            "clientDataJSON": _text(self._client("webauthn.create", options)),
            "attestationObject": _text(cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})),
            "transports": ["usb"],
        }
        return self._credential(told)

    def shown(self, options: dict[str, Any]) -> str:
        """For the page that asks for it."""
        self._count += 1
        data = self._rp + bytes([PRESENT | VERIFIED]) + self._count.to_bytes(4, "big")
        client = self._client("webauthn.get", options)
        signature = self._private.sign(data + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        told = {"clientDataJSON": _text(client), "authenticatorData": _text(data), "signature": _text(signature)}
        return self._credential(told)

    def _client(self, what: str, options: dict[str, Any]) -> bytes:
        challenge = options["publicKey"]["challenge"]
        said = challenge if isinstance(challenge, str) else _text(challenge)
        assert _bytes(said)
        return json.dumps({"type": what, "challenge": said, "origin": self._origin, "crossOrigin": False}).encode()

    def _credential(self, told: dict[str, Any]) -> str:
        return json.dumps(
            {
                "type": "public-key", "id": _text(self._id), "rawId": _text(self._id), "response": told,
                "clientExtensionResults": {}, "authenticatorAttachment": "cross-platform",
            }
        )  # fmt: skip
