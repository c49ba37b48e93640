"""Which key seals the secrets of this installation: a node without it could not open what another seals."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from governance.messages.engine.sealing import digest_of
from governance.messages.models import SealingKey
from governance.messages.operations.channels import key_ring

OTHER_KEY = (
    "The secrets of this installation are sealed with a key that is not in WEIR_SECRET_KEYS, or in secrets.json of the"
    " data folder: this node could not open what another seals. Copy secrets.json of the first node, or add its key."
)


class OtherSealingKey(Exception):
    """The ring of this node lacks the key that seals."""

    def __init__(self) -> None:
        super().__init__(OTHER_KEY)


@transaction.atomic
def claim_sealing_key(*, at: datetime) -> None:
    """The ring's first key seals from now on, in this installation without one, or where the ring holds the one that
    did: the others then need the new one too. OtherSealingKey when the ring lacks it.
    """
    ring = [digest_of(key) for key in key_ring()]
    if not ring:
        return
    SealingKey.objects.bulk_create([SealingKey(digest=ring[0], since=at)], ignore_conflicts=True)
    sealing = SealingKey.objects.get()
    if sealing.digest not in ring:
        raise OtherSealingKey
    if sealing.digest != ring[0]:
        SealingKey.objects.update(digest=ring[0], since=at)


def holds_sealing_key() -> bool:
    """Whether this node can open what is sealed in the installation; also where nothing was ever sealed."""
    sealing = SealingKey.objects.first()
    return sealing is None or sealing.digest in {digest_of(key) for key in key_ring()}
