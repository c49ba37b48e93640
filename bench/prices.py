"""Speed of reading a price list, finding a price among thousands, and costing events.

    DATABASE_URL=… python bench/prices.py [--list model_prices.json] [--events 100000]

Without --list only events are read and costed; with it the list is also imported into a scratch database.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@contextmanager
def measured(title: str, count: int) -> Iterator[None]:
    started = time.perf_counter()
    yield
    took = time.perf_counter() - started
    print(f"{title}: {took:.3f} s, {count / took:,.0f}/s")


def best(title: str, count: int, run: Callable[[], object], tries: int = 9) -> None:
    times = []
    for _ in range(tries):
        started = time.process_time()
        run()
        times.append(time.process_time() - started)
    print(f"{title}: {count / min(times):,.0f}/s of processor time, best of {tries}")


def events_of(count: int, *, rare: bool) -> list[bytes]:
    from ingest import batch_of

    lines = batch_of("bench", 0, count, ["acme"], NOW).split(b"\n")
    if not rare:
        return lines
    documents = [json.loads(line) for line in lines]
    for document in documents:
        document["tokens"]["audio_input"] = 10
        document["quantities"] = {"web_search": 1}
    return [json.dumps(document).encode() for document in documents]


def cost_events(count: int) -> None:
    from allocation.attribution.engine import Matcher
    from allocation.meters.documents import READ_EVENT
    from allocation.prices.engine.pricing import PriceList
    from allocation.usage.engine.costing import Organisation, PricingContext, acceptance_window

    home = Organisation(1, 1, PriceList("USD"), Matcher())
    context = PricingContext({"acme": (1, 1)}, {1: 1}, {1: home}, home, *acceptance_window(NOW, 90), NOW.timestamp())
    for kind, rare in (("ordinary", False), ("with audio and searches", True)):
        lines = events_of(count, rare=rare)
        best(f"read events, {kind}", count, lambda lines=lines: [READ_EVENT(line) for line in lines])  # type: ignore[misc]
        events = [READ_EVENT(line) for line in lines]
        best(f"cost events, {kind}", count, lambda events=events: [context.cost(event) for event in events])  # type: ignore[misc]


def import_list(path: Path) -> None:
    from allocation.prices.importers.litellm import read_litellm
    from allocation.prices.operations import BookTerms, import_prices
    from allocation.usage.operations import pricing_context_for
    from governance.organisations.operations import create_scope
    from governance.people.rules import Actor

    system = Actor.system()
    root = create_scope(slug="acme", kind="organisation", actor=system, at=NOW)
    text = path.read_text()
    with measured("read the list", text.count('"litellm_provider"')):
        price_list = read_litellm(text, effective_from=datetime(2026, 1, 1, tzinfo=UTC))
    terms: dict[str, Any] = {
        "organisation": "acme", "name": "list", "terms": BookTerms(), "reason": "", "actor": system, "at": NOW
    }  # fmt: skip
    with measured("into a price book", len(price_list.entries)):
        import_prices(entries=price_list.entries, **terms)
    with measured("once more, unchanged", len(price_list.entries)):
        import_prices(entries=price_list.entries, **terms)
    with measured("a pricing context with all of it", len(price_list.entries)):
        context = pricing_context_for(key_scope_id=root.pk, at=NOW)
    prices = context.organisations[root.pk].prices
    with measured("find each price for a day", len(price_list.entries)):
        for entry in price_list.entries:
            prices.of_day(entry.provider, entry.model, entry.service_tier, 20_781)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", type=Path)
    parser.add_argument("--events", type=int, default=100_000)
    given = parser.parse_args()
    cost_events(given.events)
    if given.list:
        from scratch import scratch_database

        with scratch_database():
            import_list(given.list)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main()
