"""`weir users`: people."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from governance.management.arguments import known_person, operator, refusals_as_sentences, scope_at
from governance.organisations import operations
from governance.people.models import DecisionRight, Persona
from governance.sign_in.operations.provider_people import connect_person, disconnect_person
from governance.sign_in.operations.second_factors import take_factors_away


class Command(BaseCommand):
    help = "People: create EMAIL --persona finance --scope acme; connect EMAIL --subject 248289; forget-factors EMAIL."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a person, or give one who is there another scope")
        create.add_argument("email")
        create.add_argument("--persona", required=True, choices=Persona.values)
        create.add_argument("--scope", required=True, help="path of what they own")
        create.add_argument(
            "--rights", help=f"instead of the persona's own: comma-separated of {', '.join(DecisionRight.values)}"
        )

        forget = verbs.add_parser("forget-factors", help="take away the second factors that somebody has lost")
        forget.add_argument("email")

        connect = verbs.add_parser("connect", help="let somebody who is here sign in by the identity provider")
        connect.add_argument("email")
        connect.add_argument("--subject", required=True, help="who they are there: the claim `sub`")

        disconnect = verbs.add_parser("disconnect", help="end that, with what their groups there gave")
        disconnect.add_argument("email")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["verb"] == "create":
            self.create(options)
            return
        with refusals_as_sentences():
            user, at = known_person(options["email"], "EMAIL"), timezone.now()
            if options["verb"] == "forget-factors":
                count = take_factors_away(user=user, actor=operator(), at=at)
                said = f"{user.email} has no second factor any more; {count} were taken away."
            elif options["verb"] == "disconnect":
                count = disconnect_person(user=user, actor=operator(), at=at)
                said = f"{user.email} signs in by the identity provider no more; {count} identities were taken away."
            else:
                issuer, subject = _issuer(), options["subject"]
                connect_person(user=user, issuer=issuer, subject=subject, actor=operator(), at=at)
                said = f"{subject} at {issuer} signs in as {user.email} from now on."
        self.stdout.write(said)

    def create(self, options: dict[str, Any]) -> None:
        rights = options["rights"]
        with refusals_as_sentences():
            user, password = operations.create_user(
                email=options["email"],
                persona=options["persona"],
                scope=scope_at(options["scope"]),
                rights=None if rights is None else [word.strip() for word in rights.split(",") if word.strip()],
                actor=operator(),
                at=timezone.now(),
            )
        if password is None:
            self.stderr.write(f"{user.email} was there already and now owns {options['scope']} as well.")
            return
        self.stderr.write(f"The password of {user.email} is shown once; they should change it after signing in.")
        self.stdout.write(password)


def _issuer() -> str:
    if settings.IDENTITY_PROVIDER is None:
        raise CommandError("There is no identity provider: set WEIR_OIDC_ISSUER.")
    return str(settings.IDENTITY_PROVIDER.issuer)
