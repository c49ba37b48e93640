"""Second factors: their secrets at rest, what is recorded of them, and taking those away that somebody has lost."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction

from governance.messages.engine.sealing import is_current, seal, unseal
from governance.messages.operations.channels import key_ring
from governance.people.models import User
from governance.people.rules import Actor, check_manages, check_operates, personas
from governance.records.operations import record_decision

IDENTITY = "second factor"
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
SUPERUSER = "superuser"
# Under which allauth keeps what is sealed.
SECRETS = ("secret", "seed")


def sealed(text: str) -> bytes:
    """For the database. SealBroken without a key."""
    return seal(text.encode(), identity=IDENTITY, ring=key_ring())


def unsealed(secret: bytes) -> str:
    """SealBroken when no key opens it."""
    return unseal(secret, identity=IDENTITY, ring=key_ring()).decode()


def lacks_second_factor(user: User) -> bool:
    """Whether one is demanded of the person, and there is none."""
    demanded = frozenset(settings.SECOND_FACTOR)
    is_demanded = (user.is_superuser and SUPERUSER in demanded) or not demanded.isdisjoint(personas(user))
    return is_demanded and not Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


def record_sign_in(*, user: User, address: str, methods: Sequence[str], at: datetime) -> None:
    """Somebody came in."""
    record_decision(
        actor=Actor.of_user(user), action="sign_in.accept", scope=None, subject=f"user:{user.email}", reason="",
        evidence={"address": address, "methods": list(methods)}, at=at,
    )  # fmt: skip


def record_factor(*, user: User, what: str, at: datetime) -> None:
    """A person changed their own."""
    record_decision(
        actor=Actor.of_user(user), action="second_factor.change", scope=None, subject=f"user:{user.email}",
        reason=what, evidence={}, at=at,
    )  # fmt: skip


@transaction.atomic
def take_factors_away(*, user: User, actor: Actor, at: datetime) -> int:
    """How many the person had, who has lost them; they sign in by password until they add others. Forbidden."""
    check_manages(actor, user)
    factors = Authenticator.objects.filter(user=user)
    kinds = sorted(factors.values_list("type", flat=True))
    factors.delete()
    record_decision(
        actor=actor, action="second_factor.take_away", scope=None, subject=f"user:{user.email}", reason="",
        evidence={"factors": kinds}, at=at,
    )  # fmt: skip
    return len(kinds)


@transaction.atomic
def reseal_factors(*, actor: Actor, at: datetime) -> int:
    """How many secrets were sealed anew with the ring's first key. Forbidden; SealBroken."""
    check_operates(actor)
    ring, count = key_ring(), 0
    for factor in Authenticator.objects.select_for_update().order_by("pk"):
        old = {name: b64decode(factor.data[name]) for name in SECRETS if name in factor.data}
        new = {name: secret for name, secret in old.items() if not is_current(secret, ring)}
        if new:
            factor.data |= {name: b64encode(sealed(unsealed(secret))).decode() for name, secret in new.items()}
            factor.save(update_fields=["data"])
            count += 1
    if count:
        record_decision(
            actor=actor, action="secrets.rotate", scope=None, subject="secrets:second_factors", reason="",
            evidence={"resealed": count}, at=at,
        )  # fmt: skip
    return count
