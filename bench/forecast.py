"""How well forecasts of sums do, and how long a thousand scopes take.

    python -m bench.forecast [--seeds 5] [--shared ../shared/data]

Six synthetic organisations of 12 scopes over 400 days (launch, price cut, weekend, intermittent, growth, regime
change), and where they are there, two traces whose steps stand for days: Mooncake's requests by ten seconds, and
tau-bench's runs, of which some begin each day. Each is forecast from every third of the 90 days before its last window,
by what was known then. Columns: CRPS as a share of that of the seasonal naive forecast with its normal intervals (the
last week repeated); how often what came lay between the bounds of 10 and 90 %; WAPE / that of the naive forecast; means
over scopes. Aims: CRPS at most 0.6, 76 to 84 % inside, 1,000 scopes in 20 s.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from budgets.forecasts.engine.candidates import Window
from budgets.forecasts.engine.filters import FloatArray
from budgets.forecasts.engine.forecasting import History, forecast, forecast_with_paths, read

SCOPES, DAYS = 12, 400
KINDS = ("launch", "price cut", "weekend", "intermittent", "growth", "regime change")
WINDOWS = {
    "5 days": Window(0, 5), "12 days": Window(0, 12), "21 days": Window(0, 21), "30 days": Window(0, 30),
    "the month after 20 days": Window(20, 50),
}  # fmt: skip
STEP_S = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    given = parser.parse_args()
    scores: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    histories = list(_histories(given.seeds, given.shared))
    for name, history in tqdm(histories, desc="back-tests", disable=None):
        scores[name] += _scores(history)
    _print(scores)
    _time()


def _histories(seeds: int, shared: Path) -> Iterator[tuple[str, History]]:
    for kind in KINDS:
        for seed in range(seeds):
            yield kind, _organisation(kind, 1000 + seed)
    if (trace := shared / "mooncake").is_dir():
        yield "Mooncake, steps of 10 s", _mooncake(sorted(trace.glob("*.jsonl")))
    if (runs := shared / "taubench" / "gpt-4o-airline.json").is_file():
        yield "tau-bench, runs by day", _tau_bench(runs)


def _scores(history: History) -> list[tuple[float, ...]]:
    """CRPS ratio, share inside, WAPE and naive WAPE of each window, of the scopes together."""
    known = read(history)
    rows = []
    for window in WINDOWS.values():
        tested = [each.backtest for each in forecast(known, window) if each is not None]
        tested = [each for each in tested if each.origins and not np.isnan(each.wape)]
        if tested:
            columns = [(each.crps_ratio, each.coverage, each.wape, each.naive_wape) for each in tested]
            rows.append(tuple(float(value) for value in np.mean(columns, axis=0)))
        else:
            rows.append((np.nan,) * 4)
    return rows


def _print(scores: dict[str, list[tuple[float, ...]]]) -> None:
    print(f"{'':26}" + "".join(f"{name:>25}" for name in WINDOWS))
    every = []
    for name, rows in scores.items():
        means = np.nanmean(np.array(rows).reshape(-1, len(WINDOWS), 4), axis=0)
        if name in KINDS:
            every.append(means)
        print(f"{name:26}" + "".join(map(_cell, means)))
    print(f"{'six organisations':26}" + "".join(map(_cell, np.mean(every, axis=0))))
    mean = np.mean(every, axis=(0, 1))
    print(f"\nAll six and all windows: CRPS {mean[0]:.2f} of naive, {mean[1]:.0%} in 80 %, WAPE {mean[2]:.1%}"
          f" beside {mean[3]:.1%}.")  # fmt: skip


def _cell(row: FloatArray) -> str:
    return f"{f'{row[0]:.2f}  {row[1]:.0%}  {row[2]:.0%} / {row[3]:.0%}':>25}"


def _time() -> None:
    values = np.hstack([_organisation(KINDS[seed % 6], seed).values for seed in range(84)])[:, :1000]
    history = History(values, (values * 1e4, values), np.arange(1000) // 20)
    began, cpu = time.perf_counter(), time.process_time()
    known = read(history)
    forecast_with_paths(known, 20)
    for window in (Window(20, 51), Window(51, 81), Window(81, 112)):
        forecast(known, window)
    took, used = time.perf_counter() - began, time.process_time() - cpu
    print(f"1,000 scopes, 400 days, with path and three months: {took:.1f} s, {used:.1f} s of CPU (aim: 20 s).")


# --- what is forecast ---------------------------------------------------------------------------------------------


def _organisation(kind: str, seed: int) -> History:
    random = np.random.default_rng(seed)
    days = np.arange(DAYS)[:, None]
    prices = np.ones((DAYS, SCOPES))
    base = np.exp(random.normal(4, 1.2, SCOPES))
    depth = 0.95 if kind == "weekend" else 0.5
    week = np.exp(0.08 * random.normal(size=(7, SCOPES)))
    week[5:] *= 1 - depth
    use = base * (week / week.mean(axis=0))[np.arange(DAYS) % 7] * _noise(random, 0.2 + 0.2 * random.random(SCOPES))
    match kind:
        case "launch":
            at, takes = random.integers(120, DAYS - 20, SCOPES), random.integers(1, 25, SCOPES)
            use *= 1 + random.exponential(2, SCOPES) * (1 - np.exp(-np.maximum(days - at, 0) / takes))
        case "price cut":
            for _ in range(3):
                cut = (days >= random.integers(60, DAYS - 10)) & (random.random(SCOPES) < 0.6)
                prices *= np.where(cut, random.uniform(0.3, 0.8), 1.0)
        case "intermittent":
            used = random.random((DAYS, SCOPES)) < random.uniform(0.05, 0.5, SCOPES)
            use = base * used * np.exp(random.normal(0, 0.7, (DAYS, SCOPES)))
        case "growth":
            use *= np.exp(days * random.uniform(0, 0.006, SCOPES))
        case "regime change":
            levels, level = np.zeros((DAYS, SCOPES)), np.zeros(SCOPES)
            for day in range(DAYS):
                level = np.where(random.random(SCOPES) < 1 / 70, random.normal(0, 0.7, SCOPES), level)
                levels[day] = level
            use *= np.exp(levels)
    tasks = use * _noise(random, np.full(SCOPES, 0.1)) / base
    return History(use * prices, (use * 1e4, tasks), np.zeros(SCOPES, dtype=np.int64))


def _noise(random: np.random.Generator, spread: FloatArray) -> FloatArray:
    """Lognormal with mean 1; each day is half like the one before."""
    state, states = np.zeros(SCOPES), np.zeros((DAYS, SCOPES))
    for day in range(DAYS):
        state = 0.5 * state + 0.75**0.5 * random.normal(size=SCOPES)
        states[day] = state
    noise: FloatArray = np.exp(spread * states - spread**2 / 2)
    return noise


def _mooncake(files: list[Path]) -> History:
    """One scope for each trace: tokens of each ten seconds."""
    sums = []
    for file in files:
        steps: dict[int, float] = defaultdict(float)
        for line in file.read_text().splitlines():
            request = json.loads(line)
            steps[int(request["timestamp"]) // 1000 // STEP_S] += request["input_length"] + request["output_length"]
        sums.append([steps.get(step, 0.0) for step in range(max(steps))])
    length = min(map(len, sums))
    values = np.array([each[:length] for each in sums]).T
    return History(values, (), np.zeros(values.shape[1], dtype=np.int64))


def _tau_bench(file: Path) -> History:
    """The length of real runs, of which a few begin each day, the fewer at the end of the week."""
    runs = json.loads(file.read_text())
    lengths = np.array([float(sum(len(str(turn)) for turn in run["traj"])) for run in runs])
    random = np.random.default_rng(7)
    begun = random.poisson(np.where(np.arange(DAYS) % 7 < 5, 4.0, 1.0)[:, None], (DAYS, SCOPES))
    values = np.array([[random.choice(lengths, count).sum() for count in day] for day in begun])
    return History(values, (), np.zeros(SCOPES, dtype=np.int64))


if __name__ == "__main__":
    main()
