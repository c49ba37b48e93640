"""weir guardrails validate | test | apply | list | retire | explain"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from governance.documents import SourcedDocument, load_documents
from governance.errors import DomainError
from governance.people.rules import Actor
from policies.guardrails import operations
from policies.guardrails.documents import parse_guardrail, place_of, refusal
from policies.guardrails.engine.compilation import compile_policy
from policies.guardrails.engine.evaluation import CompiledPolicy
from policies.guardrails.engine.testing import run_tests
from policies.guardrails.errors import GuardrailError

KIND = "GuardrailPolicy"


class Command(BaseCommand):
    help = "Guardrail documents: check them, test them, bring them into force, ask why."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        asked = parser.add_subparsers(dest="ask", required=True, metavar="COMMAND")
        for name, sentence in (
            ("validate", "parse, type-check and lint documents; needs no database"),
            ("test", "run the documents' own tests; needs no database"),
        ):
            checked = asked.add_parser(name, help=sentence)
            checked.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        applied = asked.add_parser("apply", help="bring documents into force after validation and tests")
        applied.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        applied.add_argument("--dry-run", action="store_true", help="show what would change")
        asked.add_parser("list", help="what is in force")
        retired = asked.add_parser("retire", help="take a guardrail out of force")
        retired.add_argument("name")
        retired.add_argument("--reason", required=True)
        explained = asked.add_parser("explain", help="facts, variables, steps and the reason, now")
        explained.add_argument("name")
        explained.add_argument("--scope", required=True, metavar="PATH")

    def handle(self, *, ask: str, **options: Any) -> None:
        match ask:
            case "validate":
                self.validate(options["paths"])
            case "test":
                self.test(options["paths"])
            case "apply":
                self.apply(options["paths"], dry_run=options["dry_run"])
            case "list":
                self.list()
            case "retire":
                self.retire(options["name"], options["reason"])
            case _:
                self.explain(options["name"], options["scope"])

    def validate(self, paths: list[Path]) -> None:
        faults = 0
        for sourced in documents(paths):
            try:
                compiled = _compiled(sourced)
            except DomainError as problem:
                faults += 1
                self.stderr.write(problem.detail)
                continue
            for finding in compiled.findings:
                line = sourced.line_of(place_of(finding, sourced))
                self.stdout.write(f"{sourced.source}:{line}: warning: {finding}")
            self.stdout.write(f"{sourced.source}:{sourced.line}: {compiled.name} is valid")
        if faults:
            raise CommandError(f"{faults} document(s) are not valid.")

    def test(self, paths: list[Path]) -> None:
        failed = count = 0
        for sourced in documents(paths):
            try:
                policy = _compiled(sourced).document
            except DomainError as problem:
                failed += 1
                self.stderr.write(problem.detail)
                continue
            results = run_tests(policy)
            if not results:
                self.stdout.write(f"{policy.metadata.name}: has no tests")
            for result in results:
                count += 1
                failed += not result.passed
                self.stdout.write(f"{'ok  ' if result.passed else 'FAIL'} {policy.metadata.name}: {result.name}")
                for sentence in result.sentences:
                    self.stdout.write(f"       {sentence}")
        self.stdout.write(f"{count} test(s), {failed} failed")
        if failed:
            raise CommandError("Some tests fail.")

    def apply(self, paths: list[Path], *, dry_run: bool) -> None:
        at, actor = timezone.now(), Actor.system("weir guardrails apply")
        try:
            with transaction.atomic():
                for sourced in documents(paths):
                    policy = parse_guardrail(sourced)
                    if dry_run:
                        change = operations.plan_guardrail_policy(policy, at=at, sourced=sourced)
                    else:
                        change = operations.apply_guardrail_policy(policy, actor=actor, at=at, sourced=sourced)
                    self.stdout.write(f"{change.action:9} {change.name}")
                    for difference in change.differences:
                        self.stdout.write(f"          {difference}")
        except DomainError as problem:
            raise CommandError(f"{problem.detail}\nNothing was applied.") from None

    def list(self) -> None:
        from policies.guardrails.models import GuardrailVersion  # noqa: PLC0415  # validate and test need no models

        for version in GuardrailVersion.objects.filter(is_active=True).order_by("name"):
            self.stdout.write(
                f"{version.name:30} v{version.number:<4} {version.level:15} {version.applied_at:%Y-%m-%d %H:%M} "
                f"{version.digest[:12]} {version.source}"
            )

    def retire(self, name: str, reason: str) -> None:
        try:
            version = operations.retire_guardrail(
                name=name, actor=Actor.system("weir guardrails retire"), reason=reason, at=timezone.now()
            )
        except DomainError as problem:
            raise CommandError(problem.detail) from None
        self.stdout.write(f"{version} is retired; the next sweep resolves its alerts and releases its constraints.")

    def explain(self, name: str, scope: str) -> None:
        from policies.evaluation.queries import explain  # noqa: PLC0415  # validate and test need no models

        try:
            found = explain(name=name, scope_path=scope, at=timezone.now())
        except DomainError as problem:
            raise CommandError(problem.detail) from None
        outcome = found.outcome
        self.stdout.write(f"{found.version} on {scope}: {outcome.status}")
        self.stdout.write(f"  {outcome.reason}")
        self.stdout.write(f"  period {found.period.start:%Y-%m-%d} to {found.period.end:%Y-%m-%d}")
        for heading in ("facts", "params", "variables", "conditions"):
            values = outcome.inputs.get(heading) or {}
            for key, value in values.items():
                self.stdout.write(f"  {heading[:-1]} {key} = {json.dumps(value, default=str)}")
        for step in outcome.steps:
            self.stdout.write(f"  step {step.name}: {step.status}. {step.reason}")


def _compiled(sourced: SourcedDocument) -> CompiledPolicy:
    """Every fault with its file and line."""
    try:
        return compile_policy(parse_guardrail(sourced))
    except GuardrailError as problem:
        raise refusal(problem.findings, sourced) from None


def documents(paths: list[Path]) -> Iterator[SourcedDocument]:
    """The guardrails among the YAML documents at these files and folders."""
    count = 0
    for path in paths:
        if not path.exists():
            raise CommandError(f"{path} does not exist.")
        files = sorted([*path.rglob("*.yaml"), *path.rglob("*.yml")]) if path.is_dir() else [path]
        for file in files:
            try:
                found = load_documents(file.read_bytes(), source=str(file))
            except DomainError as problem:
                raise CommandError(problem.detail) from None
            for sourced in found:
                if sourced.data.get("kind") == KIND or not path.is_dir():
                    count += 1
                    yield sourced
    if not count:
        raise CommandError("There is no GuardrailPolicy here.")
