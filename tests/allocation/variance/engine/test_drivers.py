from dataclasses import replace

from allocation.variance.engine.drivers import ActivityCounts, Driver
from allocation.variance.engine.variance import variance_of
from tests.allocation.variance.engine.lines import line, shown


def test_an_activity_that_does_not_cover_the_use_gives_way_to_the_use() -> None:
    activity = ActivityCounts(tasks=(9, 1), task_requests=(9, 1), requests=(10, 10))
    variance = variance_of([line("a", (100, 200), (10, 20))], activity)
    assert (variance.driver, shown(variance.effects)) == (Driver.REQUESTS, {"intensity": 10})
    assert variance.driver_reason == "only 10 % name their task"
    requested = variance_of([line("a", (100, 200), (10, 20))], replace(activity, tasks=(9, 0)), driver=Driver.TASKS)
    assert requested.driver == Driver.REQUESTS
    assert requested.driver_reason.startswith("tasks were asked for, but one period has none")
