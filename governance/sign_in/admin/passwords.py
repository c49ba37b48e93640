"""Who may come in by a password that is kept here."""

from __future__ import annotations

from django.conf import settings

from governance.people.models import User

ALL, SUPERUSERS, NONE = "all", "superusers", "none"


def may_use_password(user: User) -> bool:
    """By WEIR_PASSWORDS, whether or not there is one."""
    return settings.PASSWORDS == ALL or (settings.PASSWORDS == SUPERUSERS and user.is_superuser)
