"""The variance of a scope with all below it is the sum of those of what each scope used itself."""

from hypothesis import given, settings
from hypothesis import strategies as st

from allocation.variance.engine.combined import NOTHING, combined
from allocation.variance.engine.drivers import ActivityCounts, Driver
from allocation.variance.engine.variance import UsageLine, variance_of
from tests.allocation.variance.engine.lines import activities, line, lines_of


@given(st.lists(st.tuples(lines_of(), activities), max_size=4))
@settings(max_examples=50)
def test_effects_costs_and_models_are_sums(scopes: list[tuple[list[UsageLine], ActivityCounts]]) -> None:
    parts = [variance_of(lines, activity) for lines, activity in scopes]
    whole = combined(parts)
    assert list(whole.effects) == [sum(column) for column in zip(*(part.effects for part in parts), strict=True)] or (
        whole == NOTHING
    )
    assert sum(whole.effects) == whole.change == sum(part.change for part in parts)
    for place, column in enumerate(whole.effects):
        assert sum(model.effects[place] for model in whole.models) == column


def test_volume_is_told_in_what_most_of_the_cost_is_counted_in() -> None:
    tasks = ActivityCounts(tasks=(1, 2), task_requests=(1, 2), requests=(1, 2))
    by_tasks = variance_of([line("a", (1, 2), (10, 20))], tasks)
    by_tokens = variance_of([line("a", (1, 2), (1, 2))], ActivityCounts())
    whole = combined([by_tasks, by_tokens])
    assert (whole.driver, whole.driver_reason) == (
        Driver.TASKS,
        "in most scopes, in others in tokens: each counts what covers its use",
    )
