"""People and API keys."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from governance.calendar.engine import is_in_force
from governance.memory.models import tells_of_columns
from governance.scopes.models import Scope, ScopedQuerySet


class UserManager(BaseUserManager["User"]):
    """People by their email address, in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: object) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> User:
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True, **fields})

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A person, who signs in with an email address."""

    username = None  # type: ignore[assignment]  # People sign in with their email; Django's way to drop a field.
    email = models.EmailField("email address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]  # Django's manager wants a username.

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_unique")]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        """Stores the address in lower case, as operations do: documents name people by it."""
        super().clean()
        self.email = self.email.lower()


class KeyPermission(models.TextChoices):
    """What a key may be used for; `admin` includes all others."""

    USAGE_WRITE = "usage:write"
    USAGE_READ = "usage:read"
    DECISIONS_READ = "decisions:read"
    BUDGETS_READ = "budgets:read"
    BUDGETS_WRITE = "budgets:write"
    RESERVATIONS_WRITE = "reservations:write"
    GUARDRAILS_READ = "guardrails:read"
    GUARDRAILS_WRITE = "guardrails:write"
    ALERTS_READ = "alerts:read"
    ALERTS_WRITE = "alerts:write"
    CONSTRAINTS_READ = "constraints:read"
    SCOPES_READ = "scopes:read"
    ADMIN = "admin"


class ApiKey(models.Model):
    """`weir_<prefix>_<secret>`; only a SHA-256 of the whole is stored. The secret has 256 random bits, so no salt is
    needed.
    """

    prefix = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    name = models.CharField(max_length=200, blank=True, default="")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="api_keys")
    permissions = ArrayField(models.CharField(max_length=40, choices=KeyPermission.choices))
    created_at = models.DateTimeField(editable=False)
    created_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, editable=False, related_name="+", verbose_name="owner"
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    objects = ScopedQuerySet["ApiKey"].as_manager()

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(condition=Q(permissions__len__gt=0), name="api_key_may_do_something"),
            models.CheckConstraint(condition=Q(digest__regex="^[0-9a-f]{64}$"), name="api_key_digest_is_sha256"),
        ]
        # Not of `last_used_at`, which is written every minute.
        triggers = [
            tells_of_columns("key", "prefix", "digest", "scope_id", "permissions", "expires_at", "revoked_at"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix} {self.name}".strip()

    def valid_at(self, at: datetime) -> bool:
        """Whether it is neither revoked nor expired; it is valid before `expires_at` and not at it."""
        return self.revoked_at is None and is_in_force(None, self.expires_at, at)

    def state_at(self, at: datetime) -> str:
        """`valid`, `revoked` or `expired`."""
        return "valid" if self.valid_at(at) else "revoked" if self.revoked_at else "expired"

    def has_permission(self, permission: str) -> bool:
        """Whether it holds the permission or `admin`."""
        return permission in self.permissions or KeyPermission.ADMIN in self.permissions
