from typing import Any

import pytest

from governance.messages.engine.sealing import SealBroken, seal, unseal


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.WEIR_ALLOW_LOOPBACK_WEBHOOKS = True


OLD, NEW = bytes(32), bytes(range(32))


def test_a_sealed_secret_opens_for_its_own_row_only() -> None:
    sealed = seal(b"secret", identity="channel:1", ring=[NEW])
    assert b"secret" not in sealed
    assert unseal(sealed, identity="channel:1", ring=[OLD, NEW]) == b"secret"
    spoiled = [
        sealed[:-1],
        sealed + b"x",
        sealed[:20],
        b"",
        b"\x02" + sealed[1:],
        bytes([sealed[0], *sealed[1:-1], sealed[-1] ^ 1]),
    ]
    for wrong, identity, ring in [
        (sealed, "channel:2", [NEW]), (sealed, "channel:1", [OLD]), (sealed, "channel:1", []),
        *((wrong, "channel:1", [NEW]) for wrong in spoiled),
    ]:  # fmt: skip
        with pytest.raises(SealBroken):
            unseal(wrong, identity=identity, ring=ring)
    with pytest.raises(SealBroken, match="WEIR_SECRET_KEYS"):
        seal(b"secret", identity="channel:1", ring=[])
