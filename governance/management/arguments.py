"""What the commands read from their arguments, and how a refusal is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.core.management.base import CommandError

from governance.errors import DomainError
from governance.people.rules import Actor
from governance.scopes.models import Scope

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def operator() -> Actor:
    """Whoever may run commands has the database and its secrets: the installation itself acts."""
    return Actor.system("command line")


@contextmanager
def refusals_as_sentences() -> Iterator[None]:
    try:
        yield
    except DomainError as refused:
        raise CommandError(refused.detail) from None


def scope_at(path: str) -> Scope:
    scope = Scope.objects.filter(path=path).first()
    if scope is None:
        raise CommandError(f"There is no scope {path}.")
    return scope


def span(text: str) -> timedelta:
    """`90d`, `12h` or `30m`."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})([dhm])", text)
    if found is None:
        raise CommandError(f"{text!r} is no span of time; write 90d, 12h or 30m.")
    return timedelta(**{UNITS[found[2]]: int(found[1])})
