import csv
import io
from typing import Any

from allocation.focus.engine.layout import Layout
from allocation.focus.engine.lines import Account, Amounts, ChargeKind, ScopeFacts, Writer

ACCOUNT = Account("acme", "Acme Corp", "USD")


SCOPES = {
    1: ScopeFacts(1, "acme", "Acme Corp", "organisation", is_root=True, tags={}),
    2: ScopeFacts(2, "acme/search", "Search", "team", is_root=False, tags={"env": "prod, 50%", "cost_centre": "7"}),
}


KIND = ChargeKind(2, "openai", "gpt-4o", "inference", "standard", "genai-prices", "2026-10", "", "input", "2.5", "2.0")


def amounts(**changes: str) -> Amounts:
    return Amounts("2026-10-31", "3", "8400000.0", "8.4", "21.0", "16.8", "16.8", "16.8")._replace(**changes)


def parsed(text: str) -> list[dict[str, str | None]]:
    """An empty cell is null: nothing of ours is an empty text."""
    return [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(io.StringIO(text))]


def written(version: Any, *lines: tuple[ChargeKind, Amounts]) -> str:
    layout = Layout.of(version)
    writer = Writer(layout, ACCOUNT, SCOPES)
    return layout.header() + "".join(writer.line(kind, amount) for kind, amount in lines)
