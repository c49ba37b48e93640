"""Django's `changepassword`, which records whose it was."""

from __future__ import annotations

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.db import transaction
from django.utils import timezone

from governance.management.arguments import operator
from governance.organisations.operations.rights import record_password
from governance.people.models import User


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        options["username"] = options["username"] or getpass.getuser()
        with transaction.atomic():
            said: str | None = super().handle(*args, **options)
            user = User.objects.get_by_natural_key(options["username"])
            record_password(user=user, actor=operator(), at=timezone.now())
        return said
