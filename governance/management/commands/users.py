"""`weir users`: people."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from governance.management.arguments import known_person, operator, refusals_as_sentences, scope_at
from governance.organisations import operations
from governance.people.models import DecisionRight, Persona
from governance.sign_in.operations.second_factors import take_factors_away


class Command(BaseCommand):
    help = "People: create EMAIL --persona finance --scope acme; forget-factors EMAIL."

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

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["verb"] == "forget-factors":
            with refusals_as_sentences():
                user = known_person(options["email"], "EMAIL")
                count = take_factors_away(user=user, actor=operator(), at=timezone.now())
            self.stdout.write(f"{user.email} has no second factor any more; {count} were taken away.")
            return
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
