"""Apply documents of any kind, as `weir apply` does: all of them or none."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction
from pydantic import TypeAdapter

from allocation.attribution.documents import AttributionRulesDocument
from allocation.attribution.operations import apply_attribution_rules
from allocation.commitments.documents import CommitmentDocument
from allocation.commitments.operations import apply_commitment
from allocation.prices.documents import ExchangeRatesDocument, PriceBookDocument
from allocation.prices.operations import apply_exchange_rates, apply_price_book
from allocation.shared_cost.documents import SharedCostSplitDocument
from allocation.shared_cost.operations import apply_shared_cost_split
from allocation.sources.documents import UsageSourceDocument
from allocation.sources.operations import apply_usage_source
from budgets.approval_rules.documents import ApprovalRulesDocument
from budgets.approval_rules.operations import apply_approval_rules
from budgets.approvals.operations import apply_budget
from budgets.plans.documents import BudgetDocument
from governance.documents import Change, DocumentError, SourcedDocument, load_documents, parse_document
from governance.errors import DomainError
from governance.messages.documents import ChannelDocument
from governance.messages.operations import apply_channel
from governance.organisations.documents import ScopeDocument
from governance.organisations.operations import ScopeApplication, apply_scope
from governance.people.rules import Actor
from policies.guardrails.documents import parse_guardrail
from policies.guardrails.operations import apply_guardrail_policy

SUFFIXES = frozenset({".yaml", ".yml"})
Apply = Callable[[SourcedDocument, Actor, datetime], Change]
Progress = Callable[[int, int], None]


class _RolledBack(Exception):
    """Ends the transaction of a dry run."""


def _kind(model: Any, apply: Callable[..., Change], *, sourced: bool = False) -> Apply:
    adapter: TypeAdapter[Any] = TypeAdapter(model)

    def run(document: SourcedDocument, actor: Actor, at: datetime) -> Change:
        extra = {"source": document.source} if sourced else {}
        return apply(parse_document(adapter, document), actor=actor, at=at, **extra)

    return run


def _guardrail(document: SourcedDocument, actor: Actor, at: datetime) -> Change:
    return apply_guardrail_policy(parse_guardrail(document), actor=actor, at=at, sourced=document)


SCOPE: TypeAdapter[ScopeDocument] = TypeAdapter(ScopeDocument)

# In the order of their references: a kind may name documents of the kinds before it.
KINDS: dict[str, Apply] = {
    "Scope": _kind(ScopeDocument, apply_scope),
    "Channel": _kind(ChannelDocument, apply_channel),
    "AttributionRules": _kind(AttributionRulesDocument, apply_attribution_rules),
    "UsageSource": _kind(UsageSourceDocument, apply_usage_source),
    "ExchangeRates": _kind(ExchangeRatesDocument, apply_exchange_rates),
    "PriceBook": _kind(PriceBookDocument, apply_price_book),
    "Commitment": _kind(CommitmentDocument, apply_commitment),
    "SharedCostSplit": _kind(SharedCostSplitDocument, apply_shared_cost_split),
    "Budget": _kind(BudgetDocument, apply_budget, sourced=True),
    "ApprovalRules": _kind(ApprovalRulesDocument, apply_approval_rules),
    "GuardrailPolicy": _guardrail,
}


def read(paths: Iterable[Path]) -> list[SourcedDocument]:
    """Every document of the files, and of the YAML files in the folders and below them, in the order of KINDS.
    DocumentError when a file cannot be read or a document has no known kind.
    """
    return _in_order([document for path in paths for file in _files(path) for document in _documents(file)])


def read_text(text: str, *, source: str) -> list[SourcedDocument]:
    """As `read`, of the text of one file."""
    return _in_order(load_documents(text, source=source))


def _in_order(documents: list[SourcedDocument]) -> list[SourcedDocument]:
    for document in documents:
        if document.data.get("kind") not in KINDS:
            raise DocumentError(
                f"unknown kind {document.data.get('kind')!r}; write one of {', '.join(KINDS)}",
                file=document.source,
                line=document.line,
                path="kind",
            )
    order = list(KINDS)
    # Parent scopes, whose paths are shorter, come before their children, whatever the order of the files.
    return sorted(documents, key=lambda document: (order.index(document.data["kind"]), _depth(document)))


def apply(
    documents: Iterable[SourcedDocument],
    *,
    actor: Actor,
    at: datetime,
    dry_run: bool = False,
    progress: Progress = lambda _done, _of: None,
) -> list[Change]:
    """The changes, made in one transaction. A dry run makes them and rolls back, so that it refuses the same documents.
    DocumentError, with file and line, at the first document that is refused. `progress` is told how many documents of
    how many are done.
    """
    changes: list[Change] = []
    run = partial(_apply_all, list(documents), changes, actor=actor, at=at, progress=progress)
    if not dry_run:
        with transaction.atomic():
            run()
        return changes
    try:
        with transaction.atomic():
            run()
            raise _RolledBack  # noqa: TRY301  # the way out of atomic()
    except _RolledBack:
        return changes


def _apply_all(
    documents: list[SourcedDocument], changes: list[Change], *, actor: Actor, at: datetime, progress: Progress
) -> None:
    scopes = ScopeApplication(map(_name, documents), actor=actor, at=at)
    for done, document in enumerate(documents):
        progress(done, len(documents))
        with _refused_at(document):
            if document.data["kind"] == "Scope":
                changes.append(scopes.apply(parse_document(SCOPE, document)))
            else:
                scopes.finish()
                changes.append(KINDS[document.data["kind"]](document, actor, at))
    scopes.finish()


@contextmanager
def _refused_at(document: SourcedDocument) -> Iterator[None]:
    """A refusal names the document's file and line."""
    try:
        yield
    except DocumentError:
        raise
    except DomainError as refused:
        raise DocumentError(refused.detail, file=document.source, line=document.line, code=refused.code) from refused


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
    return [path]


def _documents(file: Path) -> list[SourcedDocument]:
    try:
        content = file.read_bytes()
    except OSError as problem:
        raise DocumentError(f"cannot be read: {problem.strerror}", file=str(file)) from None
    return load_documents(content, source=str(file))


def _name(document: SourcedDocument) -> str:
    metadata = document.data.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""


def _depth(document: SourcedDocument) -> int:
    return _name(document).count("/") if document.data["kind"] == "Scope" else 0
