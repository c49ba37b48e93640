from decimal import Decimal

from hypothesis import strategies as st

from allocation.variance.engine.drivers import ActivityCounts
from allocation.variance.engine.variance import PARTS, Effects, UsageLine

Pair = tuple[int, int]


NANO = 10**9


def line(
    model: str,
    used: tuple[int, int],
    cost: tuple[int, int],
    *,
    kind: str = "input",
    unit: str = "token",
    provider: str = "openai",
) -> UsageLine:
    """`used` in whole units, `cost` in whole currency."""
    part = PARTS.get(unit, 1)
    return UsageLine(provider, model, kind, unit, (used[0] * part, used[1] * part), (cost[0] * NANO, cost[1] * NANO))


def shown(effects: Effects) -> dict[str, Decimal]:
    return {name: Decimal(amount) / NANO for name, amount in zip(Effects._fields, effects, strict=True) if amount}


# --- laws -------------------------------------------------------------------------------------------------------

quantities = st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))


positive = st.tuples(st.integers(1, 10**6), st.integers(1, 10**6))


money = st.integers(0, 10**15)


counts = st.tuples(st.integers(0, 10_000), st.integers(0, 10_000))


@st.composite
def lines_of(draw: st.DrawFn, models: str = "abcd") -> list[UsageLine]:
    keys = draw(
        st.lists(
            st.tuples(
                st.sampled_from(models),
                st.sampled_from(
                    [("input", "token"), ("cached_input", "token"), ("output", "token"), ("gpu_hour", "gpu_hour"),
                     ("request", "request"), ("adjustment", "")]
                ),
            ),
            unique=True,
            max_size=8,
        )
    )  # fmt: skip
    lines = []
    for model, (kind, unit) in keys:
        used = draw(quantities) if unit else (0, 0)
        cost = tuple(
            draw(st.integers(-(10**15), 10**15)) if not unit else draw(money) if used[of] else 0 for of in (0, 1)
        )
        lines.append(UsageLine("p", model, kind, unit, used, cost))  # type: ignore[arg-type]  # a pair
    return lines


activities = st.builds(
    lambda requests, share, tasks: ActivityCounts(
        tasks=tasks, task_requests=(requests[0] * share // 10, requests[1] * share // 10), requests=requests
    ),
    counts, st.integers(0, 10), counts,
)  # fmt: skip
