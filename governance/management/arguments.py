"""What commands read from their arguments, and how they show a refusal."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from governance.errors import DomainError
from governance.people.models import User
from governance.people.rules import Actor
from governance.scopes.models import Scope

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


# Where a pipeline says for whom it runs, then who has become root, before the account itself.
NAMED_BY = (
    *("GITLAB_USER_EMAIL", "BUILDKITE_BUILD_CREATOR_EMAIL", "BUILD_REQUESTEDFOREMAIL"),
    *("CHANGE_AUTHOR_EMAIL", "GITHUB_ACTOR", "CIRCLE_USERNAME", "SUDO_USER"),
)


def add_as(parser: CommandParser) -> None:
    """The argument `--as`, for `operator`."""
    parser.add_argument(
        "--as",
        dest="run_by",
        metavar="EMAIL",
        help="the person who runs this, who then cannot approve what it proposes; left out: WEIR_AS, the pipeline's"
        " user, or the account on this machine",
    )


def operator(run_by: str | None = None) -> Actor:
    """Whoever may run commands has the database and its secrets, so the installation itself acts; what it proposes is
    `run_by`'s, or of whom the environment names. CommandError for an address that nobody signs in with.
    """
    name = run_by or _named()
    person = known_person(run_by, "--as") if run_by else _signing_in_as(name)
    label = f"command line, {name}" if name else "command line"
    return Actor.system(label[:200], run_by=person, stated_name=name[:254])


def known_person(email: str, argument: str) -> User:
    """Who signs in with the address that the argument names; CommandError for nobody."""
    person = _signing_in_as(email)
    if person is None:
        raise CommandError(
            f"{argument} {email}: nobody signs in with that address. Make them with `weir users create`."
        )
    return person


def only_superuser() -> User | None:
    """The one who keeps this installation, where one person does."""
    superusers = list(User.objects.filter(is_superuser=True, is_active=True)[:2])
    return superusers[0] if len(superusers) == 1 else None


def _signing_in_as(email: str) -> User | None:
    return User.objects.filter(email__iexact=email, is_active=True).first()


def _named() -> str:
    if settings.WEIR_AS:
        return str(settings.WEIR_AS)
    for variable in NAMED_BY:
        if os.environ.get(variable):
            return os.environ[variable]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # An account without a name, as in many containers.
        return ""


@contextmanager
def refusals_as_sentences() -> Iterator[None]:
    """A DomainError ends the command with its sentence."""
    try:
        yield
    except DomainError as refused:
        raise CommandError(refused.detail) from None


def scope_at(path: str) -> Scope:
    """The scope at `path`; CommandError when there is none."""
    scope = Scope.objects.filter(path=path).first()
    if scope is None:
        raise CommandError(f"There is no scope {path}.")
    return scope


def span(text: str) -> timedelta:
    """`90d`, `12h` or `30m`; CommandError for anything else."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})([dhm])", text)
    if match is None:
        raise CommandError(f"{text!r} is no span of time; write 90d, 12h or 30m.")
    return timedelta(**{UNITS[match[2]]: int(match[1])})
