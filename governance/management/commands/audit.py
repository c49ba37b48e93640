"""`weir audit`: the chain of decision records."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance.records import queries
from governance.records.engine import Head


class Command(BaseCommand):
    help = "Decision records: verify the chain, print its head, export it."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verify = verbs.add_parser("verify", help="recompute every hash; exit 1 at the first that is wrong")
        verify.add_argument(
            "--head",
            metavar="SEQ:HASH",
            help="what `weir audit head` printed earlier: finds a chain that was rewritten or cut",
        )
        verbs.add_parser("head", help="print SEQ:HASH of the last record, to be kept elsewhere")
        verbs.add_parser("export", help="print every record as a line of JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["verb"] == "verify":
            self._verify(options["head"])
        elif options["verb"] == "head":
            self._head()
        else:
            for record in queries.chained_records():
                self.stdout.write(json.dumps(dataclasses.asdict(record), default=str))

    def _verify(self, head: str | None) -> None:
        try:
            expected = Head.parse(head) if head else None
        except ValueError as problem:
            raise CommandError(f"{head!r}: {problem}.") from None
        check = queries.verify_chain(expected=expected)
        if check.broken is not None:
            self.stderr.write(
                f"BROKEN at record {check.broken_seq}: {check.broken}. {check.records} records before it hold."
            )
            sys.exit(1)
        self.stdout.write(f"{check.records} records hold; head {check.head or 'none yet'}.")

    def _head(self) -> None:
        head = queries.chain_head()
        if head is None:
            raise CommandError("There is no decision record yet.")
        self.stdout.write(str(head))
