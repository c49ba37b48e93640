"""Providers' exports that are taken again: the later file of the same account and time gives the figures, once."""

from pathlib import Path

import pytest

from allocation.usage.importers.files import SHIPPED, load_mapping
from governance.scopes.models import Scope
from tests.allocation.conftest import make_organisation
from tests.allocation.corrections.restated_exports import STATING, Exports

# Every row of these is told once, under an id of its own, or is new when something is corrected.
INCREMENTS = {
    "azure-gateway-log", "bedrock-invocations", "claude-code-transcripts", "google-billing-export", "mooncake",
    "openrouter-activity",
}  # fmt: skip
ONE, TWO, THREE, SIX = (f"2026-11-0{day}T00:00" for day in (1, 2, 3, 6))


@pytest.fixture(params=sorted(STATING))
def exports(request: pytest.FixtureRequest, acme: Scope, tmp_path: Path) -> Exports:
    return Exports(acme, tmp_path, request.param)


@pytest.fixture
def costs(acme: Scope, tmp_path: Path) -> Exports:
    return Exports(acme, tmp_path, "openai-costs")


@pytest.fixture
def usage(acme: Scope, tmp_path: Path) -> Exports:
    return Exports(acme, tmp_path, "openai-completions-api")


def test_every_mapping_that_ships_states_or_holds_increments() -> None:
    stating = {path.stem for path in SHIPPED.glob("*.yaml") if load_mapping(path).statement is not None}
    assert (stating, {path.stem for path in SHIPPED.glob("*.yaml")} - stating) == (set(STATING), INCREMENTS)


def test_an_export_taken_again_gives_its_figures_once(exports: Exports) -> None:
    rows = [(ONE, "a", 1), (ONE, "b", 2), (TWO, "a", 4), (THREE, "a", 8)]
    exports.take(*rows)
    assert exports.total == 15
    exports.take(*rows)
    assert (exports.total, exports.settled.replaced) == (15, ())
    exports.take((THREE, "a", 8), account="p2")
    assert (exports.total, exports.settled.replaced) == (23, ())
    # One row is gone, one has grown, the second day holds nothing, and there are three days more.
    longer = [(ONE, "a", 1), (THREE, "a", 9), (SIX, "c", 16)]
    exports.take(*longer)
    assert (exports.total, len(exports.settled.replaced)) == (1 + 9 + 16 + 8, 1)
    exports.take(*longer)
    assert exports.total == 34


def test_a_part_of_a_month_is_not_taken_back_by_another_part(exports: Exports) -> None:
    exports.take((ONE, "a", 1), (TWO, "a", 2))
    exports.take((THREE, "a", 4), (SIX, "a", 8))
    assert (exports.total, exports.settled.replaced) == (15, ())
    # A longer one replaces both.
    exports.take((ONE, "a", 1), (TWO, "a", 3), (THREE, "a", 4), (SIX, "a", 9))
    assert (exports.total, len(exports.settled.replaced)) == (17, 2)


def test_the_hours_of_a_day_are_stated_one_by_one(usage: Exports) -> None:
    usage.take(("2026-11-02T05:00", "a", 1), ("2026-11-02T06:00", "a", 2))
    usage.take(("2026-11-02T07:00", "a", 4))
    assert (usage.total, usage.settled.replaced) == (7, ())
    usage.take(("2026-11-02T06:00", "a", 3), ("2026-11-02T07:00", "a", 4))
    assert usage.total == 8


def test_a_row_of_nothing_takes_back_what_was_there(costs: Exports) -> None:
    costs.take((ONE, "a", 1), (TWO, "a", 2))
    run = costs.take((ONE, "a", 0), (TWO, "a", 0))
    assert (costs.total, run.passed_over, len(costs.settled.replaced)) == (0, 2, 1)


def test_a_part_stands_beside_what_is_there(costs: Exports) -> None:
    costs.take((ONE, "a", 1))
    costs.take((ONE, "b", 2), is_additional=True)
    assert (costs.total, costs.settled.replaced) == (3, ())
    costs.take((ONE, "a", 4))
    assert (costs.total, len(costs.settled.replaced)) == (4, 2)


def test_an_organisation_speaks_for_its_own_accounts(costs: Exports, tmp_path: Path) -> None:
    costs.take((ONE, "a", 1))
    other = Exports(make_organisation("globex"), tmp_path, "openai-costs")
    other.take((ONE, "a", 2))
    assert (costs.total, other.total) == (1, 2)
