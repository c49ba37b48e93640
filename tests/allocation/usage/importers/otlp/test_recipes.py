"""The files of the recipes as they stand: what they set is parsed as its program parses it, and Weir serves it."""

import ast
import json
import tomllib
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from rest_framework.test import APIClient

from allocation.usage.models import UsageRecord
from governance.organisations.operations import create_api_key
from governance.scopes.models import Scope
from tests.allocation.conftest import AT, SYSTEM
from tests.allocation.otlp_bodies import PROTOBUF, as_protobuf, log_record, logs, request, span
from tests.allocation.usage.importers.otlp.test_ai_sdk import FOUR
from tests.allocation.usage.importers.otlp.test_events import (
    CLAUDE_CALL,
    CLAUDE_CODE,
    CODEX,
    CODEX_CALL,
    GEMINI,
    GEMINI_CALL,
)
from tests.allocation.usage.importers.otlp.test_langfuse import generation

RECIPES = Path(__file__).resolve().parents[5] / "docs" / "recipes"
PLACEHOLDER = "weir_PREFIX_SECRET"
OPENINFERENCE = {
    "openinference.span.kind": "LLM", "llm.system": "openai", "llm.model_name": "gpt-4o",
    "llm.token_count.prompt": 800, "llm.token_count.completion": 70,
}  # fmt: skip


def text_of(name: str) -> str:
    return (RECIPES / name).read_text()


def environment(name: str) -> dict[str, str]:
    """A file of NAME=value lines."""
    return dict(line.split("=", 1) for line in text_of(name).splitlines() if line)


def header_of(settings: dict[str, str]) -> str:
    """The `Authorization` that an exporter reads from OTEL_EXPORTER_OTLP_HEADERS: percent-encoded pairs."""
    name, _, value = settings["OTEL_EXPORTER_OTLP_HEADERS"].partition("=")
    assert name == "Authorization"
    return unquote(value)


def resource_of(settings: dict[str, str]) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in settings.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",") if pair)


def posted(sender: tuple[APIClient, str], url: str, authorization: str, body: dict[str, Any]) -> UsageRecord:
    """The record of a call that a program with these settings tells of."""
    client, plaintext = sender
    answer = client.generic(
        "POST", urlsplit(url).path, as_protobuf(body), PROTOBUF,
        headers={"Authorization": authorization.replace(PLACEHOLDER, plaintext)},
    )  # fmt: skip
    assert (answer.status_code, answer.content) == (200, b"")
    return UsageRecord.objects.get()


@pytest.fixture
def program(acme: Scope) -> tuple[APIClient, str]:
    """Without a key of its own, and the key that takes the placeholder's place."""
    _, plaintext = create_api_key(scope=acme, permissions=["usage:write"], actor=SYSTEM, at=AT)
    return APIClient(), plaintext


def test_claude_code(program: tuple[APIClient, str]) -> None:
    settings = json.loads(text_of("coding-agents/claude-code-settings.json"))["env"]
    assert {name: settings[name] for name in ("CLAUDE_CODE_ENABLE_TELEMETRY", "OTEL_LOGS_EXPORTER")} == {
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1", "OTEL_LOGS_EXPORTER": "otlp",
    }  # fmt: skip
    told = logs(log_record("api_request", CLAUDE_CALL), scope=CLAUDE_CODE, resource=resource_of(settings))

    record = posted(program, f"{settings['OTEL_EXPORTER_OTLP_ENDPOINT']}/v1/logs", header_of(settings), told)
    assert (record.input_tokens, record.attributes["team"]) == (5020, "search")


def test_codex(program: tuple[APIClient, str]) -> None:
    settings = tomllib.loads(text_of("coding-agents/codex-config.toml"))["otel"]
    exporter = settings["exporter"]["otlp-http"]
    assert (settings["log_user_prompt"], exporter["protocol"]) == (False, "binary")
    told = logs(log_record("codex.sse_event", CODEX_CALL), scope=CODEX)

    assert posted(program, exporter["endpoint"], exporter["headers"]["Authorization"], told).input_tokens == 5000


def test_gemini_cli(program: tuple[APIClient, str]) -> None:
    settings = json.loads(text_of("coding-agents/gemini-settings.json"))["telemetry"]
    assert (settings["enabled"], settings["otlpProtocol"], settings["logPrompts"]) == (True, "http", False)
    exported = environment("coding-agents/gemini.env")
    told = logs(log_record("gemini_cli.api_response", GEMINI_CALL), scope=GEMINI, resource=resource_of(exported))

    record = posted(program, f"{settings['otlpEndpoint']}/v1/logs", header_of(exported), told)
    assert (record.output_tokens, record.attributes["team"]) == (150, "search")


@pytest.mark.parametrize(("recipe", "told"), [("openinference", OPENINFERENCE), ("ai-sdk", FOUR)])
def test_tracers_that_read_opentelemetrys_environment(
    program: tuple[APIClient, str], recipe: str, told: dict[str, Any]
) -> None:
    exported = environment(f"{recipe}/weir.env")
    body = request(span(1, told, kind="internal"), resource=resource_of(exported))

    record = posted(program, f"{exported['OTEL_EXPORTER_OTLP_ENDPOINT']}/v1/traces", header_of(exported), body)
    assert (record.input_tokens, record.attributes["team"]) == (800, "search")


def test_langfuse_signs_in_with_public_and_secret_key(program: tuple[APIClient, str]) -> None:
    exported = environment("langfuse/weir.env")
    body = request(span(1, generation({"input": 800, "output": 70})), resource=resource_of(exported))
    url = f"{exported['LANGFUSE_BASE_URL']}/{exported['LANGFUSE_OTEL_TRACES_EXPORT_PATH']}"
    secret = exported["LANGFUSE_SECRET_KEY"].replace(PLACEHOLDER, program[1])
    basic = b64encode(f"{exported['LANGFUSE_PUBLIC_KEY']}:{secret}".encode()).decode()

    record = posted(program, url, f"Basic {basic}", body)
    assert (record.input_tokens, record.attributes["team"]) == (800, "search")


@pytest.mark.parametrize("recipe", ["openinference", "langfuse"])
def test_a_program_imports_what_it_says_it_requires(recipe: str) -> None:
    required = text_of(f"{recipe}/requirements.txt").splitlines()
    imported = {
        node.module
        for node in ast.walk(ast.parse(text_of(f"{recipe}/answer.py")))
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }

    families = {name.partition("-")[0] for name in required}
    assert {name.partition(".")[0] for name in imported} <= families
    assert families <= {part for name in imported for part in name.split(".")}


def test_the_ai_sdks_program_starts_from_files_that_are_there() -> None:
    package = json.loads(text_of("ai-sdk/package.json"))
    files = [part.removeprefix("--env-file=") for part in package["scripts"]["start"].split() if "." in part]
    imported = {
        line.rpartition(" from ")[2].strip('";')
        for name in ("instrumentation.mjs", "answer.mjs")
        for line in text_of(f"ai-sdk/{name}").splitlines()
        if line.startswith("import ")
    }

    assert [name for name in files if not (RECIPES / "ai-sdk" / name).exists()] == []
    assert imported == set(package["dependencies"]) - {"@opentelemetry/api"}
