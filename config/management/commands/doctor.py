"""The command `weir doctor`."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.doctor import examine


class Command(BaseCommand):
    help = "Say in sentences what is wrong with this installation; exit 1 when something is."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data-dir", help="of the installation (default: .weir beside the code)")

    def handle(self, **_options: object) -> None:
        wrong = 0
        for finding in examine(timezone.now()):
            self.stdout.write(f"{finding.word:<5}  {finding.sentence}")
            wrong += not finding.is_fine
        self.stdout.write(f"{wrong} thing(s) wrong." if wrong else "All is well.")
        if wrong:
            raise SystemExit(1)
