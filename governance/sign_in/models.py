"""How often passwords were tried, where every web process sees it."""

from __future__ import annotations

from django.db import models


class SignInTries(models.Model):
    """Passwords of an account that were tried within a window and not found right, by one who tries. The row without a
    `lane` is of all who are not known to the account. An account is a name: there need be nobody who has it.
    """

    account = models.CharField(max_length=254)
    lane = models.CharField(max_length=80, blank=True)
    since = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "sign in tries"
        constraints = [models.UniqueConstraint(fields=["account", "lane"], name="sign_in_tries_once_per_lane")]

    def __str__(self) -> str:
        return f"{self.account} {self.lane} {self.count}"
