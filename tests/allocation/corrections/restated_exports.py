"""Exports of providers in few words: `(start, item, amount)` a row, in the layout of each mapping that states."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from allocation.corrections.operations import Settlement, settle_import
from allocation.usage.importers.files import ImportRequest, import_file, load_mapping, mapping_path
from allocation.usage.models import ImportRun, UsageDay
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM
from tests.allocation.usage.importers.imported import clock

# Start, such as 2026-11-02T05:00, what the amount is of, and how much: millions of tokens, or dollars.
Rows = Sequence[tuple[str, str, int]]
MILLION = 10**6


def seconds(start: str) -> int:
    return int(datetime.fromisoformat(f"{start}+00:00").timestamp())


def table(rows: list[dict[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def openai_completions(rows: Rows, account: str) -> str:
    return table([
        {"start_time": seconds(start), "project_id": account, "num_model_requests": 2 * bool(amount), "model": "gpt-4o",
         "api_key_id": item, "batch": "False", "service_tier": "", "input_tokens": amount * MILLION, "output_tokens": 0,
         "input_cached_tokens": 0}
        for start, item, amount in rows
    ])  # fmt: skip


def openai_completions_api(rows: Rows, account: str) -> str:
    return json.dumps({"data": [
        {"start_time": seconds(start), "results": [
            {"object": "organization.usage.completions.result", "project_id": account, "api_key_id": item,
             "num_model_requests": 2 * bool(amount), "model": "gpt-4o", "input_tokens": amount * MILLION,
             "output_tokens": 0}
        ]} for start, item, amount in rows
    ]})  # fmt: skip


def openai_other_usage_api(rows: Rows, account: str) -> str:
    return json.dumps({"data": [
        {"start_time": seconds(start), "results": [
            {"object": "organization.usage.embeddings.result", "project_id": account, "api_key_id": item,
             "num_model_requests": 2, "model": "text-embedding-3-small", "input_tokens": amount * MILLION}
        ]} for start, item, amount in rows
    ]})  # fmt: skip


def openai_costs(rows: Rows, account: str) -> str:
    return table([
        {"start_time": seconds(start), "amount_value": amount, "amount_currency": "usd", "line_item": item,
         "project_id": account, "organization_id": "org-7"}
        for start, item, amount in rows
    ])  # fmt: skip


def openai_costs_api(rows: Rows, account: str) -> str:
    return json.dumps({"data": [
        {"start_time": seconds(start), "results": [
            {"amount": {"value": amount, "currency": "usd"}, "line_item": item, "project_id": account}
        ]} for start, item, amount in rows
    ]})  # fmt: skip


def anthropic_console(rows: Rows, account: str) -> str:
    return table([
        {"usage_date_utc": start, "model_version": "claude-sonnet-4-5-20250929", "api_key": item, "api_key_id": item,
         "workspace": account, "usage_type": "standard", "context_window": "≤ 200k",
         "usage_input_tokens_no_cache": amount * MILLION, "usage_input_tokens_cache_write_5m": 0,
         "usage_input_tokens_cache_write_1h": 0, "usage_input_tokens_cache_read": 0, "usage_output_tokens": 0}
        for start, item, amount in rows
    ])  # fmt: skip


def anthropic_usage_report(rows: Rows, account: str) -> str:
    return json.dumps({"data": [
        {"starting_at": f"{start}Z", "results": [
            {"uncached_input_tokens": amount * MILLION, "output_tokens": 0, "cache_read_input_tokens": 0,
             "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
             "model": "claude-sonnet-4-5-20250929", "workspace_id": account, "api_key_id": item,
             "service_tier": "standard", "context_window": "0-200k"}
        ]} for start, item, amount in rows
    ]})  # fmt: skip


def anthropic_cost_report(rows: Rows, account: str) -> str:
    return json.dumps({"data": [
        {"starting_at": f"{start}Z", "results": [
            {"amount": str(amount * 100), "currency": "USD", "description": item, "model": None,
             "workspace_id": account or None}
        ]} for start, item, amount in rows
    ]})  # fmt: skip


def openrouter_activity_api(rows: Rows, account: str) -> str:
    return json.dumps({"data": [
        {"date": start[:10], "model": item, "model_permaslug": item, "endpoint_id": item, "provider_name": "Azure",
         "usage": amount, "byok_usage_inference": 0, "requests": 1, "prompt_tokens": amount * MILLION,
         "completion_tokens": 1, "workspace_id": account}
        for start, item, amount in rows
    ]})  # fmt: skip


STATING: dict[str, Callable[[Rows, str], str]] = {
    "anthropic-console": anthropic_console,
    "anthropic-cost-report": anthropic_cost_report,
    "anthropic-usage-report": anthropic_usage_report,
    "openai-completions": openai_completions,
    "openai-completions-api": openai_completions_api,
    "openai-costs": openai_costs,
    "openai-costs-api": openai_costs_api,
    "openai-other-usage-api": openai_other_usage_api,
    "openrouter-activity-api": openrouter_activity_api,
}
# What holds money alone.
BILLED = frozenset({"anthropic-cost-report", "openai-costs", "openai-costs-api"})


class Exports:
    """Files of one mapping, imported one after the other."""

    def __init__(self, scope: Scope, folder: Path, name: str) -> None:
        self.scope, self.folder, self.name = scope, folder, name
        self.settled = Settlement(())
        self.files = 0

    def take(self, *rows: tuple[str, str, int], account: str = "p1", is_additional: bool = False) -> ImportRun:
        self.files += 1
        content = STATING[self.name](rows, account)
        path = self.folder / f"{self.name}-{self.files}.{'csv' if content[0] != '{' else 'json'}"
        path.write_text(content)
        mapping = load_mapping(mapping_path(self.name))
        request = ImportRequest(path=path, source_format="mapped", mapping=mapping, scope_id=self.scope.pk)
        run = import_file(request, now=clock)
        self.settled = settle_import(import_id=run.pk, actor=SYSTEM, at=AT, is_additional=is_additional)
        return run

    @property
    def total(self) -> int:
        """All that counts, in millions of tokens, or dollars."""
        days = UsageDay.objects.filter(scope__path__startswith=self.scope.path)
        if self.name in BILLED:
            return int(sum(day.cost for day in days))
        return sum(day.input_tokens for day in days) // MILLION
