"""weir ledger verify [--organisation PATH]"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from budgets.proof.engine.books import Proof
from budgets.proof.operations import Verified, verify_ledgers
from governance.management.arguments import scope_at

WHAT_TO_DO = (
    "Nothing was changed. Only who owns the database writes past the triggers that keep balances: see the runbook,"
    " *The ledger does not add up*."
)


class Command(BaseCommand):
    help = "The ledger: prove that every balance is the sum of its transfers, and that no money is in two places."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verify = verbs.add_parser("verify", help="add all accounts up; exit 1 when one does not add up")
        verify.add_argument("--organisation", metavar="PATH", help="this one only")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        only = []
        if options["organisation"]:
            scope = scope_at(options["organisation"])
            if scope.parent_id is not None:
                raise CommandError(f"{scope.path} is no organisation: name {scope.organisation_slug}.")
            only = [scope.pk]
        with tqdm(unit=" accounts", desc="adding up", disable=None) as bar:
            verified = verify_ledgers(at=timezone.now(), only=only, progress=bar.update)
        self.stdout.write("\n".join(report(verified)))
        if not verified.is_proved:
            sys.exit(1)


def report(verified: Verified) -> Iterator[str]:
    """Money first, then what is wrong and where, then what to do."""
    for proof in verified.proofs:
        yield from _sums(proof)
    for proof in verified.proofs:
        for flaw in proof.flaws:
            yield f"WRONG: {flaw.sentence(proof.currency)}"
        if proof.flaws_found > len(proof.flaws):
            yield f"WRONG: {proof.flaws_found - len(proof.flaws):,} more in {proof.organisation}."
    for path, problem in verified.unread.items():
        yield f"WRONG: {path} could not be read: {str(problem).strip() or type(problem).__name__}"
    if not verified.is_proved:
        yield WHAT_TO_DO


def _sums(proof: Proof) -> Iterator[str]:
    if not proof.totals and not proof.flaws_found:
        yield f"{proof.organisation}: no budget has an account yet."
        return
    for totals in proof.totals:
        yield f"{proof.organisation}: {totals.sentence(proof.currency)}."
    state = "adds up" if not proof.flaws_found else "DOES NOT ADD UP"
    yield f"{proof.organisation}: {state}, by {proof.transfers:,} transfers."
