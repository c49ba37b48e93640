"""`weir secrets`: secrets at rest."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from governance.management.arguments import operator, refusals_as_sentences
from governance.messages import operations
from governance.sign_in.operations.second_factors import reseal_factors


class Command(BaseCommand):
    help = "Secrets at rest: rotate seals all of them with the first of WEIR_SECRET_KEYS."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=("rotate",))

    def handle(self, *_args: Any, **_options: Any) -> None:
        with refusals_as_sentences():
            at = timezone.now()
            rotation = operations.rotate_secrets(actor=operator(), at=at)
            factors = reseal_factors(actor=operator(), at=at)
        if factors:
            self.stdout.write(f"Of {factors} second factors the secret was sealed anew.")
        self.stdout.write(f"{rotation.resealed} sealed anew, {rotation.already_current} were current.")
        if rotation.broken:
            self.stderr.write(f"These do not open with any key of WEIR_SECRET_KEYS: {', '.join(rotation.broken)}.")
            sys.exit(1)
