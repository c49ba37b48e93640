"""The command `weir apply PATH… [--dry-run]`."""

import logging
import sys
from pathlib import Path
from typing import Any

from django.core.management import CommandError
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone
from tqdm import tqdm

from config import declared
from governance.documents import Change
from governance.errors import DomainError
from governance.management.arguments import add_as, operator

logger = logging.getLogger(__name__)

LOG_EVERY = 10_000
MARKS = {"create": "+", "update": "~", "unchanged": " "}


class Command(BaseCommand):
    help = "Bring YAML documents of any kind into force: all of them, or none when one is refused."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, or folders of .yaml files")
        parser.add_argument("--dry-run", action="store_true", help="show what would change, change nothing")
        add_as(parser)

    def handle(self, *, paths: list[Path], dry_run: bool, run_by: str | None, **_options: object) -> None:
        actor = operator(run_by)
        try:
            documents = declared.read(paths)
            with tqdm(unit=" documents", leave=False, disable=not sys.stderr.isatty()) as bar:
                changes = declared.apply(
                    documents, actor=actor, at=timezone.now(), dry_run=dry_run, progress=reporter(bar)
                )
        except DomainError as refused:
            raise CommandError(f"{refused.detail}\nNothing was changed.") from None
        for change in changes:
            self.show(change)
        counts = {action: sum(change.action == action for change in changes) for action in MARKS}
        would = "would be " if dry_run else ""
        self.stdout.write(
            f"{counts['create']} {would}created, {counts['update']} {would}updated, {counts['unchanged']} unchanged."
        )
        if not dry_run and any(change.kind == "Budget" and change.action != "unchanged" for change in changes):
            self.stdout.write("A budget is a proposal until finance approves it in the admin.")

    def show(self, change: Change) -> None:
        """Print one change with its differences."""
        self.stdout.write(f"{MARKS[change.action]} {change.kind} {change.name}: {change.action}")
        for difference in change.differences:
            self.stdout.write(f"    {difference}")


def reporter(bar: "tqdm[Any]") -> declared.Progress:
    """Reports progress on a bar where there is a terminal, else in a log line per 10,000 documents."""

    def report(done: int, of: int) -> None:
        bar.total = of
        bar.update(done - bar.n)
        if bar.disable and done and done % LOG_EVERY == 0:
            logger.info("applying: %d of %d documents", done, of)

    return report
