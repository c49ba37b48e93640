"""`weir keys`: API keys."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from governance.management.arguments import (
    known_person,
    only_superuser,
    operator,
    refusals_as_sentences,
    scope_at,
    span,
)
from governance.organisations import operations
from governance.people.models import ApiKey, KeyPermission
from governance.scopes.models import Scope

PROPOSING = frozenset({KeyPermission.BUDGETS_WRITE, KeyPermission.ADMIN})


class Command(BaseCommand):
    help = "API keys: create (shown once), list, revoke."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a key and print it, once")
        create.add_argument("--scope", required=True, help="path; the key reaches this scope and all below it")
        create.add_argument("--can", required=True, help=f"comma-separated of {', '.join(KeyPermission.values)}")
        create.add_argument("--name", default="", help="what it is for")
        create.add_argument("--expires", help="after how long: 90d, 12h or 30m")
        create.add_argument(
            "--owner",
            metavar="EMAIL",
            help="who answers for what it proposes; left out: who runs this, or the only superuser",
        )
        listing = verbs.add_parser("list", help="show keys, never their secrets")
        listing.add_argument("--scope", help="only those at or below this path")
        revoke = verbs.add_parser("revoke", help="end a key at once")
        revoke.add_argument("prefix", help="the part between weir_ and the secret")
        revoke.add_argument("--reason", default="")

    def handle(self, *_args: Any, **options: Any) -> None:
        with refusals_as_sentences():
            if options["verb"] == "create":
                self._create(options)
            elif options["verb"] == "list":
                self._list(options["scope"])
            else:
                self._revoke(options["prefix"], options["reason"])

    def _create(self, options: dict[str, Any]) -> None:
        now, actor = timezone.now(), operator()
        scope = scope_at(options["scope"])
        expires_at = now + span(options["expires"]) if options["expires"] else None
        permissions = [word.strip() for word in options["can"].split(",") if word.strip()]
        owner = known_person(options["owner"], "--owner") if options["owner"] else actor.person or only_superuser()
        if owner is None and not PROPOSING.isdisjoint(permissions):
            raise CommandError(
                "A key that may propose budgets has an owner, who cannot approve them: add --owner EMAIL."
            )
        _, plaintext = operations.create_api_key(
            scope=scope,
            permissions=permissions,
            name=options["name"],
            expires_at=expires_at,
            owner=owner,
            actor=actor,
            at=now,
        )
        self.stderr.write("This key is shown once; keep it where secrets are kept.")
        self.stdout.write(plaintext)

    def _list(self, path: str | None) -> None:
        keys = ApiKey.objects.select_related("scope").order_by("scope__path", "created_at")
        if path:
            keys = keys.filter(scope__in=Scope.objects.at_or_below(scope_at(path)))
        for key in keys:
            state = key.state_at(timezone.now())
            used = f"{key.last_used_at:%F %H:%M}" if key.last_used_at else "never used"
            self.stdout.write(
                f"{key.prefix}  {state:<8}  {key.scope.path}  {','.join(key.permissions)}  {used}  {key.name}".rstrip()
            )

    def _revoke(self, prefix: str, reason: str) -> None:
        key = ApiKey.objects.filter(prefix=prefix.removeprefix("weir_")).first()
        if key is None:
            raise CommandError(f"There is no key {prefix}.")
        operations.revoke_api_key(key_id=key.pk, actor=operator(), at=timezone.now(), reason=reason)
        self.stdout.write(f"The key {key.prefix} is revoked.")
