"""Django's `createsuperuser`, which records whom it makes."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.db import transaction
from django.utils import timezone

from governance.management.arguments import operator
from governance.organisations.operations.rights import NONE, record_person
from governance.people.models import User


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        known = set(User.objects.values_list("pk", flat=True))
        with transaction.atomic():
            super().handle(*args, **options)
            for user in User.objects.filter(is_superuser=True).exclude(pk__in=known):
                record_person(user=user, before=NONE, actor=operator(), at=timezone.now())
