"""A LiteLLM proxy as the recipe sets it up, between a provider and a way to Weir that are this test's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
import yaml
from typing_extensions import override

from tests.journeys.installation import ROOT, eventually, free_port

VENV = ROOT / ".venv-litellm"
RECIPE = ROOT / "docs/recipes/litellm"
SPEND_LOG = ROOT / "tests/journeys/litellm_spend_log.py"
START_TIMEOUT_S = 180
MASTER_KEY = "sk-of-this-test"
WORDS = 6


class Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the test reads what was served."""


@contextmanager
def serving(handler: type[Quiet]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Served:
    """What the provider did: one entry for each request it was sent, `status` 200 or 500."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    failed_once: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, body: dict[str, Any]) -> dict[str, Any]:
        """A prompt that begins with `fail` or `broken` fails always, one that begins with `retry` once."""
        text = body["input"] if "input" in body else body["messages"][-1]["content"]
        with self.lock:
            number = len(self.calls) + 1
            fails = text.startswith("fail") or body["model"] == "broken"
            if text.startswith("retry") and text not in self.failed_once:
                self.failed_once.add(text)
                fails = True
            call = {
                "id": f"chatcmpl-{number:05}", "model": body["model"], "status": 500 if fails else 200,
                "input": 1000 + number, "output": 0 if "input" in body else 50 + number % 7,
                "is_cut": text.startswith("cut"),
            }  # fmt: skip
            self.calls.append(call)
        return call

    def successes(self) -> list[dict[str, Any]]:
        return [call for call in self.calls if call["status"] == 200]


@contextmanager
def provider(served: Served) -> Iterator[str]:
    """OpenAI's chat completions, whole and streamed, and embeddings."""

    class Provider(Quiet):
        def do_POST(self) -> None:
            asked = json.loads(self.body())
            call = served.serve(asked)
            if call["status"] != 200:
                self.answer(500, json.dumps({"error": {"message": "out of order", "type": "server_error"}}).encode())
            elif self.path.endswith("/embeddings"):
                self.answer(200, json.dumps(embedding(call)).encode())
            elif asked.get("stream"):
                self.stream(call)
            else:
                self.answer(200, json.dumps(completion(call)).encode())

        def stream(self, call: dict[str, Any]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for chunk in chunks(call):
                    line = f"data: {chunk if isinstance(chunk, str) else json.dumps(chunk)}\n\n".encode()
                    self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                    self.wfile.flush()
                    time.sleep(0.05 if call["is_cut"] else 0)
                self.wfile.write(b"0\r\n\r\n")
            except OSError:
                self.close_connection = True

    with serving(Provider) as url:
        yield f"{url}/v1"


def usage(call: dict[str, Any]) -> dict[str, int]:
    return {
        "prompt_tokens": call["input"], "completion_tokens": call["output"],
        "total_tokens": call["input"] + call["output"],
    }  # fmt: skip


def embedding(call: dict[str, Any]) -> dict[str, Any]:
    data = [{"object": "embedding", "index": 0, "embedding": [0.25, 0.5]}]
    return {"object": "list", "model": call["model"], "data": data, "usage": usage(call)}


def completion(call: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": "An answer."}
    return {
        "id": call["id"], "object": "chat.completion", "created": 1, "model": call["model"], "usage": usage(call),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }  # fmt: skip


def chunks(call: dict[str, Any]) -> Iterator[dict[str, Any] | str]:
    head = {"id": call["id"], "object": "chat.completion.chunk", "created": 1, "model": call["model"]}
    for _ in range(WORDS * (5 if call["is_cut"] else 1)):
        delta = {"role": "assistant", "content": "word "}
        yield head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    yield head | {"choices": [], "usage": usage(call)}
    yield "[DONE]"


@dataclass
class Way:
    """The way to Weir. While it is closed, whoever comes is cut off without an answer."""

    url: str = ""
    closed: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def closed_for(self, seconds: float) -> Iterator[None]:
        self.closed.set()
        opening = threading.Timer(seconds, self.closed.clear)
        opening.start()
        try:
            yield
        finally:
            opening.join()


@contextmanager
def way_to(weir_url: str) -> Iterator[Way]:
    way = Way()

    class Relay(Quiet):
        def do_POST(self) -> None:
            body = self.body()
            if way.closed.is_set():
                self.close_connection = True
                return
            wanted = ("Authorization", "Content-Type", "Content-Encoding")
            headers = {name: self.headers[name] for name in wanted if self.headers[name]}
            passed = requests.post(weir_url + self.path, data=body, headers=headers, timeout=60)
            self.answer(passed.status_code, passed.content, passed.headers["Content-Type"])

    with serving(Relay) as url:
        way.url = url
        yield way


@dataclass
class Proxy:
    """The proxy, set up by the recipe's files and by this test's models."""

    folder: Path
    port: int
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def spend_log(self) -> Path:
        return self.folder / "spend_log.jsonl"

    def start(self) -> None:
        with (self.folder / "proxy.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(VENV / "bin/litellm"), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(self.port)],
                cwd=self.folder, env=self.env, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        eventually(self._is_up, holds=lambda up: up, within_s=START_TIMEOUT_S, what=str(self.folder / "proxy.log"))

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "proxy.log").read_text(errors="replace")
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/health/liveliness", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def terminate(self) -> None:
        """SIGTERM, as a container's host sends it, and wait."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(timeout=60)

    def call(self, path: str, body: dict[str, Any], *, cut_after: int = 0) -> int:
        """The status; with `cut_after` the client goes away after so many bytes of a stream."""
        with requests.post(
            f"http://127.0.0.1:{self.port}/v1/{path}",
            json=body, headers={"Authorization": f"Bearer {MASTER_KEY}"}, stream=bool(cut_after), timeout=60,
        ) as answer:  # fmt: skip
            if cut_after:
                next(answer.iter_content(cut_after))
            return answer.status_code


def models_of(provider_url: str) -> dict[str, Any]:
    """The models of this test, in the place of the recipe's."""
    deployments = {
        "gpt-4o": {"model": "openai/gpt-4o"},
        "gpt-4o-mini": {"model": "openai/gpt-4o-mini"},
        "embed": {"model": "openai/text-embedding-3-small"},
        "primary": {"model": "openai/broken"},
        "in-house": {
            "model": "openai/in-house-7b", "input_cost_per_token": 0.000001, "output_cost_per_token": 0.000002,
        },
    }  # fmt: skip
    return {
        "model_list": [
            {"model_name": name, "litellm_params": {**stated, "api_base": provider_url, "api_key": "sk-any"}}
            for name, stated in deployments.items()
        ],
        "router_settings": {"num_retries": 1, "retry_after": 0, "fallbacks": [{"primary": ["gpt-4o"]}]},
    }


def set_up(folder: Path, *, key: str, weir_url: str, provider_url: str, second_set: bool) -> Proxy:
    """The recipe's files in `folder`, with this test's addresses, its models, a cache and a record of the spend log."""
    config = yaml.safe_load((RECIPE / "config.yaml").read_text())
    config["litellm_settings"] |= {"cache": True, "cache_params": {"type": "local"}}
    config["litellm_settings"]["callbacks"].append("spend_log.recorder")
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "models.yaml").write_text(yaml.safe_dump(models_of(provider_url)))
    shutil.copy(SPEND_LOG, folder / "spend_log.py")
    stated = [line for line in (RECIPE / "proxy.env").read_text().splitlines() if line and not line.startswith("#")]
    env = dict(line.replace("https://weir.example", weir_url).replace("weir_…", key).split("=", 1) for line in stated)
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    # The list that is packaged with LiteLLM: the newest is elsewhere.
    of_the_test = {"LITELLM_MASTER_KEY": MASTER_KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    if second_set:
        of_the_test["LITELLM_OTEL_V2"] = "true"
    return Proxy(folder, free_port(), inherited | env | of_the_test)
