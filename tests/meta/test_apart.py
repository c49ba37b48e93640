"""Work that is done for one organisation after the other isolates each: a fault in one stops no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import apart
from config.schedule import BEAT

ROOT = Path(__file__).resolve().parents[2]
APPS = ("config", "reporting", "policies", "budgets", "allocation", "governance")
LAYERS = {"operations", "tasks", "management", "importers"}
ORGANISATIONS = re.compile(
    r"\b(roots|root_ids|organisations|organisation_ids|sharing)\b"
    r"|parent(_id)?=None|parent(_id)?__isnull=True|kind='organisation'|\bOrganisation\w*\.objects"
)
ONE = re.compile(r"\b(root|root_id|organisation|organisation_id)\b")

# Loops over organisations that change no rows for each of them, with what they do.
PLAIN = {
    "allocation/corrections/operations/imports.py:_correct": "an import is withdrawn by a person, all of it or none",
    "allocation/corrections/operations/repeated_calls.py:_not_due": "spans by key, of what has just been taken back",
    "allocation/corrections/operations/repeated_calls.py:take_back_repeated_calls": "collects what is due, then each",
    "allocation/usage/operations/folding.py:_add": "collects; a batch that fails is halved and set aside",
    "policies/evaluation/operations/gaps.py:open_gaps": "a message that cannot be queued raises nothing",
    "policies/evaluation/operations/portions.py:lock_organisations": "takes locks in the order of the ids",
    "policies/evaluation/operations/portions.py:write": "forgets how often those written have failed",
}
# What tasks of the clock call, and how it keeps a fault to itself.
ISOLATED_BY = {
    "allocation.detect_anomalies": "allocation/anomalies/operations/detection.py:each_apart",
    "allocation.fold_usage": "allocation/usage/operations/folding.py:_fold_or_set_aside",
    "allocation.replay_early_outcomes": "allocation/replay/operations.py:is_of_the_rows",
    "allocation.split_shared_cost": "allocation/shared_cost/operations/runs.py:each_apart",
    "allocation.sum_months": "allocation/usage/operations/months.py:each_apart",
    "allocation.take_back_repeated_calls": "allocation/corrections/operations/repeated_calls.py:each_apart",
    "budgets.answer_slack": "budgets/slack/operations/answering.py:each_apart",
    "budgets.expire_requests": "budgets/requests/operations/expiry.py:each_apart",
    "budgets.expire_reservations": "budgets/reservations/operations/expiry.py:each_apart",
    "budgets.make_forecasts": "budgets/forecasts/operations/making.py:each_apart",
    "budgets.open_periods": "budgets/ledger/operations/opening.py:each_apart",
    "budgets.prove_ledgers": "budgets/proof/operations.py:each_apart",
    "budgets.remind_approvers": "budgets/requests/operations/reminding.py:each_apart",
    "policies.evaluate_dirty_scopes": "policies/evaluation/operations/portions.py:is_of_the_rows",
    "policies.sweep": "policies/evaluation/operations/evaluation.py:each_apart",
    "policies.watch_evaluation": "policies/evaluation/operations/watch.py:each_apart",
}
# Of no organisation: signs of life, what is old, the catalogue, months of usage; and deliveries, one by one by claim.
OF_THE_INSTALLATION = {
    "allocation.maintain_partitions", "allocation.snapshot_catalogue", "governance.beat",
    "governance.forget_old_commands", "governance.send_due_deliveries",
}  # fmt: skip


def loops() -> Iterator[str]:
    """Each loop that goes over organisations, outside `each_apart`, by file and function."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            place = path.relative_to(ROOT)
            if not LAYERS & {place.stem, *place.parts}:
                continue
            yield from (f"{place}:{name}" for name in functions_that_loop(path.read_text()))


def functions_that_loop(source: str) -> Iterator[str]:
    """By name, those that go over organisations outside `each_apart`."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef) and any(map(_goes_over_organisations, ast.walk(function))):
            yield function.name


def _goes_over_organisations(node: ast.AST) -> bool:
    match node:
        case ast.For(target=one, iter=over):
            return bool(ONE.search(ast.unparse(one)) or ORGANISATIONS.search(ast.unparse(over)))
    return False


def test_every_loop_over_organisations_keeps_a_fault_to_its_own() -> None:
    assert sorted(loops()) == sorted(PLAIN)


@pytest.mark.parametrize(
    ("loop", "is_seen"),
    [
        ("for root_id in tree.roots: charge(root_id)", True),
        ("for scope in Scope.objects.filter(parent=None): charge(scope)", True),
        ("for scope in Scope.objects.filter(kind='organisation').order_by('pk'): charge(scope)", True),
        ("for organisation in waiting: charge(organisation)", True),
        ("for number, (root, rows) in enumerate(by_root.items()): charge(root)", True),
        ("for one in OrganisationSettings.objects.all(): charge(one)", True),
        ("each_apart(tree.roots, charge, named=str)", False),
        ("for record in records: charge(record)", False),
    ],
)
def test_a_new_loop_over_organisations_is_seen(loop: str, is_seen: bool) -> None:
    assert list(functions_that_loop(f"def new():\n    {loop}\n")) == ["new"] * is_seen


def test_every_task_of_the_clock_says_how_it_isolates() -> None:
    tasks = {str(entry["task"]) for entry in BEAT.values()}
    assert tasks == ISOLATED_BY.keys() | OF_THE_INSTALLATION
    for task, place in ISOLATED_BY.items():
        file, _, name = place.partition(":")
        assert f"{name}(" in (ROOT / file).read_text(), task


def parts_told() -> set[str]:
    """The names by which faults are told, as the code says them."""
    return {
        ast.unparse(node.args[0])
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "tell_faults"
    }


def test_whatever_fails_for_some_is_seen_where_an_operator_looks() -> None:
    """In `weir doctor`, on the first page and in `/readyz`; anomalies in the doctor, with their last run."""
    shown = {name for name in vars(apart) if name.endswith("_HEARTBEAT")}
    assert len(shown) == len(apart.PARTS)
    assert parts_told() == shown | {"DETECTION_HEARTBEAT"}
    assert "DETECTION_HEARTBEAT" in (ROOT / "config/doctor.py").read_text()
