"""`weir keys`: API keys."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from governance.management.arguments import operator, refusals_as_sentences, scope_at, span
from governance.organisations import operations
from governance.people.models import ApiKey, KeyPermission
from governance.scopes.models import Scope


class Command(BaseCommand):
    help = "API keys: create (shown once), list, revoke."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a key and print it, once")
        create.add_argument("--scope", required=True, help="path; the key reaches this scope and all below it")
        create.add_argument("--can", required=True, help=f"comma-separated of {', '.join(KeyPermission.values)}")
        create.add_argument("--name", default="", help="what it is for")
        create.add_argument("--expires", help="after how long: 90d, 12h or 30m")
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
        now = timezone.now()
        _, plaintext = operations.create_api_key(
            scope=scope_at(options["scope"]),
            permissions=[word.strip() for word in options["can"].split(",") if word.strip()],
            name=options["name"],
            expires_at=now + span(options["expires"]) if options["expires"] else None,
            actor=operator(),
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
