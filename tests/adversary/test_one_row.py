"""One row, one guardrail or one organisation that fails stops itself only, and is told of once."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from allocation.corrections.models import AdjustmentRun
from allocation.corrections.operations import take_back_repeated_calls
from allocation.outcomes.models import Outcome
from allocation.quarantine.models import QuarantinedUsage
from allocation.replay.operations import replay_early_outcomes
from allocation.shared_cost.models import AllocationRun
from allocation.shared_cost.operations import run_open_months
from allocation.usage.models import TracedSpan, UsageRecord
from allocation.usage.operations import record_usage
from budgets.approvals.operations import approve_budget, create_budget, submit_budget
from budgets.ledger.models import Account
from budgets.ledger.operations import open_periods, posting
from config import apart
from governance.organisations.operations import create_scope
from governance.scopes.models import Scope
from governance.scopes.queries import ScopeTree
from governance.work.models import DirtyScope
from policies.constraints.models import Constraint
from policies.evaluation.models import DataGap
from policies.evaluation.operations import constraints, evaluation, mark_due_scopes, sweep
from policies.evaluation.queries import reading
from policies.evaluation.queries.facts import LoadedFacts
from policies.guardrails.engine import matching
from policies.guardrails.engine.types import ConstraintInForce, FactKey, ScopeView
from policies.guardrails.models import GuardrailState
from tests.allocation.conftest import event
from tests.allocation.conftest import make_organisation as make_sharing
from tests.allocation.outcomes.reported import record, typed
from tests.allocation.sharing import LICENCE, apply_split
from tests.allocation.usage.traced import spans_of, tell
from tests.database_owner import as_owner
from tests.policies.conftest import AT, SYSTEM, Apply, Spend, evaluate, person
from tests.policies.evaluation.limits import LATER

pytestmark = pytest.mark.adversary("one row")
DECEMBER = datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC)


def sql(statement: str, *parameters: object) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def budgeted(scope: Scope, root: Scope, *people: str) -> None:
    author, finance = person(people[0], root, "engineering", ""), person(people[1], root, "finance", "approve_budget")
    proposed = create_budget(scope=scope, amount=Decimal(100), actor=author, at=AT)
    submit_budget(budget_id=proposed.pk, actor=author, at=AT)
    approve_budget(budget_id=proposed.pk, actor=finance, reason="Agreed.", at=AT)


@pytest.fixture
def globex(db: None) -> Scope:
    """Another organisation, with ids above acme's and a budget of its own."""
    root = create_scope(slug="globex", kind="organisation", actor=SYSTEM, at=AT)
    team = create_scope(slug="search", kind="team", parent=root, actor=SYSTEM, at=AT)
    budgeted(team, root, "gus@globex.example", "gia@globex.example")
    return root


@pytest.fixture
def both_spent(budget: object, finops_channel: object, globex: Scope, apply: Apply, spend: Spend) -> None:
    apply()
    spend("acme/search", "104.00")
    call = event(scope="globex/search", cost=Decimal(104))
    assert record_usage(events=[call], key_scope_id=globex.pk, at=AT).accepted == 1


def blocked() -> list[str]:
    return sorted(Constraint.objects.filter(status="active").values_list("scope__path", flat=True))


# --- guardrails ---------------------------------------------------------------------------------------------------


def raise_while_planned(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """A fault of our own, in Python."""
    evidence = constraints.constraint_evidence

    def failing(in_force: ConstraintInForce, scope: ScopeView) -> dict[str, object]:
        if scope.path == path:
            raise KeyError("message")
        return evidence(in_force, scope)

    monkeypatch.setattr(constraints, "constraint_evidence", failing)


def raise_in_the_database(sqlstate: str) -> Callable[[pytest.MonkeyPatch, str], None]:
    def planted(_monkeypatch: pytest.MonkeyPatch, path: str) -> None:
        scope = Scope.objects.get(path=path)
        sql(
            f"""
            CREATE FUNCTION fail_some() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.scope_id = {scope.pk} THEN RAISE EXCEPTION 'not this one' USING ERRCODE = '{sqlstate}'; END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER fail_some BEFORE INSERT ON policies_alert FOR EACH ROW EXECUTE FUNCTION fail_some();
            """
        )

    return planted


@pytest.mark.parametrize(
    "fail",
    [
        pytest.param(raise_while_planned, id="a fault in Python"),
        pytest.param(raise_in_the_database("54000"), id="a row too large for its index"),
        pytest.param(raise_in_the_database("57014"), id="a statement that takes too long"),
        pytest.param(raise_in_the_database("XX001"), id="a damaged page"),
    ],
)
@pytest.mark.usefixtures("both_spent")
def test_whatever_fails_for_the_lowest_scope_keeps_no_other_from_being_evaluated(
    monkeypatch: pytest.MonkeyPatch, fail: Callable[[pytest.MonkeyPatch, str], None]
) -> None:
    fail(monkeypatch, "acme/search")
    assert evaluate() == 1
    sweep(at=LATER)
    assert blocked() == ["globex/search"]
    assert DirtyScope.objects.count() == 0
    (gap,) = DataGap.objects.all()
    assert (gap.organisation.path, gap.guardrails, gap.scopes_count) == ("acme", ["monthly-budget"], 1)


@pytest.mark.usefixtures("both_spent")
def test_an_organisation_whose_facts_cannot_be_read_is_held_and_told_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    acme = set(Scope.objects.filter(path__startswith="acme").values_list("pk", flat=True))
    load = reading.load_facts

    def failing(*, keys_of: Mapping[int, Collection[FactKey]], tree: ScopeTree, at: datetime) -> LoadedFacts:
        if acme & keys_of.keys():
            raise ArithmeticError("a sum that nobody can take")
        return load(keys_of=keys_of, tree=tree, at=at)

    with monkeypatch.context() as broken:
        broken.setattr(reading, "load_facts", failing)
        assert evaluate() == 1
        run = sweep(at=AT)
        sweep(at=LATER)
        assert blocked() == ["globex/search"]
        assert DirtyScope.objects.count() == 0
        assert run.errors[0].startswith("monthly-budget on acme/")
        (gap,) = DataGap.objects.all()
        assert (gap.organisation.path, gap.cause, gap.ended_at) == ("acme", "error", None)
        assert any(sentence.startswith("The sweep of guardrails fails for acme:") for sentence in apart.faults())
        told = [each for each in caplog.records if "the sweep of acme failed" in each.message]
        assert len(told) == 1

    sweep(at=LATER)
    assert blocked() == ["acme/search", "globex/search"]
    assert (DataGap.objects.get().ended_at, list(apart.faults())) == (LATER, [])


@pytest.mark.usefixtures("both_spent")
def test_a_scope_on_which_a_guardrail_cannot_be_matched_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    matches = matching.matches

    def failing(spec: Any, scope: ScopeView) -> bool:
        if scope.path == "acme/search":
            raise TypeError("labels that are no mapping")
        return matches(spec, scope)

    monkeypatch.setattr(matching, "matches", failing)
    assert evaluate() == 1
    sweep(at=LATER)
    assert blocked() == ["globex/search"]
    assert "cannot be said whether it matches" in DataGap.objects.get().reason


@pytest.mark.usefixtures("both_spent")
def test_a_state_that_cannot_be_read_is_not_due_again_at_once() -> None:
    evaluate()
    states = GuardrailState.objects.filter(scope__path="acme/search")
    states.update(state={"steps": [{"name": 5}]}, next_due_at=AT)
    due = []
    for _ in range(3):
        due.append(mark_due_scopes(at=LATER))
        evaluate(at=LATER)
    assert due == [1, 0, 0]
    assert "what it remembers cannot be read" in DataGap.objects.get().reason


@pytest.mark.usefixtures("both_spent")
def test_what_is_set_aside_is_not_due_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate()
    assert blocked() == ["acme/search", "globex/search"]
    GuardrailState.objects.filter(scope__path="acme/search").update(next_due_at=AT)
    raise_while_planned(monkeypatch, "acme/search")
    due = []
    for _ in range(3):
        due.append(mark_due_scopes(at=LATER))
        evaluate(at=LATER)
    assert due == [1, 0, 0]


@pytest.mark.usefixtures("both_spent")
def test_an_organisation_that_fails_altogether_is_not_looked_through_for_ever(
    acme: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(120):
        create_scope(slug=f"team-{number}", kind="team", parent=acme, actor=SYSTEM, at=AT)
    tried = []
    load = reading.load_facts
    below = set(Scope.objects.filter(path__startswith="acme").values_list("pk", flat=True))

    def failing(*, keys_of: Mapping[int, Collection[FactKey]], tree: ScopeTree, at: datetime) -> LoadedFacts:
        tried.append(len(keys_of))
        if below & keys_of.keys():
            raise ArithmeticError("nothing of it")
        return load(keys_of=keys_of, tree=tree, at=at)

    monkeypatch.setattr(reading, "load_facts", failing)
    sweep(at=AT)
    assert len(tried) < 3 * evaluation.CLAIM_SCOPES_MAX
    assert DataGap.objects.get().scopes_count == 121
    assert blocked() == ["globex/search"]


# --- budgets, shared cost, what is taken back, what is replayed -----------------------------------------------------


@pytest.mark.usefixtures("budget")
def test_a_period_that_cannot_open_stops_neither_others_nor_the_usage(
    globex: Scope, spend: Spend, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "_put_off_until", {})
    search = Scope.objects.get(path="acme/search")
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("ALTER TABLE budgets_account ADD CONSTRAINT not_here CHECK (scope_id <> %s) NOT VALID", search.pk)

    opened = [*open_periods(at=DECEMBER), *open_periods(at=DECEMBER)]
    spend("acme/search", "7.00", at=DECEMBER)

    assert [account.scope.path for account in opened] == ["globex/search"]
    assert UsageRecord.objects.filter(scope=search).count() == 1
    assert list(apart.faults()) == [
        "Accounts of budgets cannot be opened or ended for acme: see the log; all others go on."
    ]
    told = [each.message for each in caplog.records if each.levelname == "ERROR"]
    assert told == [
        "accounts of acme could not be opened or ended",
        "accounts of acme cannot be opened; its usage is recorded without them",
    ]

    sql("ALTER TABLE budgets_account DROP CONSTRAINT not_here")
    open_periods(at=DECEMBER)
    account = Account.objects.get(scope=search, period_start=DECEMBER.date())
    assert (account.spent, list(apart.faults())) == (Decimal(7), [])


def test_shared_cost_that_cannot_be_split_stops_no_other_organisation(db: None) -> None:
    for name in ("acme", "globex"):
        root = make_sharing(name)
        create_scope(slug="platform", kind="team", parent=root, actor=SYSTEM, at=AT)
        apply_split(LICENCE.replace("acme", name).replace("licence", f"licence-{name}"))
    sql(
        "ALTER TABLE allocation_allocationrun ADD CONSTRAINT not_here CHECK (organisation_id <> %s)",
        Scope.objects.get(path="acme").pk,
    )
    run_open_months(at=AT)
    assert set(AllocationRun.objects.values_list("organisation__path", flat=True)) == {"globex"}
    assert list(apart.faults()) == [
        "Shared cost cannot be split for acme 2026-10, acme 2026-11: see the log; all others go on."
    ]


def test_calls_that_cannot_be_taken_back_stop_no_other_organisation(db: None) -> None:
    acme, globex = make_sharing("acme"), make_sharing("globex")
    for root in (acme, globex):
        for span in spans_of(1):
            assert tell(root.pk, span, scope=f"{root.path}/search") == 1
    sql("ALTER TABLE allocation_adjustmentrun ADD CONSTRAINT not_here CHECK (organisation_id <> %s)", acme.pk)
    take_back_repeated_calls(at=AT)
    assert set(AdjustmentRun.objects.values_list("organisation__path", flat=True)) == {"globex"}
    assert set(TracedSpan.objects.filter(is_due=True).values_list("root_id", flat=True)) == {acme.pk}
    assert [sentence.partition(" for ")[2] for sentence in apart.faults()] == [
        "acme 2026-11-24: see the log; all others go on."
    ]


def test_an_early_outcome_that_cannot_be_recorded_stops_no_other(db: None) -> None:
    acme = make_sharing("acme")
    early = [typed(id=name, scope=None, task_ids=[f"task-{name}"]) for name in ("bad", "good", "late")]
    record(acme, *early)
    calls = [event(task_id="task-bad"), event(task_id="task-good")]
    record_usage(events=calls, key_scope_id=acme.pk, at=AT)
    bad = QuarantinedUsage.objects.order_by("pk").first()
    assert bad is not None
    sql("ALTER TABLE allocation_outcome ADD CONSTRAINT not_this CHECK (task_ids::text NOT LIKE '%task-bad%')")

    first, again = replay_early_outcomes(at=AT), replay_early_outcomes(at=LATER)

    assert (first.accepted, first.remaining) == (1, {"not_recorded": 1, "task_unknown": 1})
    assert (again.accepted, again.remaining) == (0, {"not_recorded": 1, "task_unknown": 1})
    assert Outcome.objects.count() == 1
    assert list(apart.faults()) == [
        f"Outcomes in quarantine cannot be recorded: record {bad.pk}: see the log; all others go on."
    ]
