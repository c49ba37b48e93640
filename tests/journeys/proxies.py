"""Real proxies by the files of the recipe, with their addresses and the key put in."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from typing_extensions import override

from tests.journeys.installation import ROOT, eventually, free_port
from tests.journeys.litellm_proxy import Quiet

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
ENVOY = ROOT / ".venv-envoy/bin/envoy"
RECIPES = ROOT / "docs/recipes"
ANSWER = b"an answer of the model"


class Models(Quiet):
    """What stands behind the proxy. It says which headers of Weir's have come through."""

    @override
    def do_GET(self) -> None:
        self.body()
        self.answer(200, ANSWER, "text/plain")

    do_POST = do_GET  # noqa: N815  # the base class's names


def _filled(text: str, own: int, *, weir: int, models: int, key: str, organisation: str) -> str:
    for written, wanted in (
        ("127.0.0.1:8000", f"127.0.0.1:{weir}"), ("port_value: 8000", f"port_value: {weir}"),
        ("127.0.0.1:4000", f"127.0.0.1:{models}"), ("port_value: 4000", f"port_value: {models}"),
        ("127.0.0.1:8080", f"127.0.0.1:{own}"), ("port_value: 8080", f"port_value: {own}"),
        ("weir_KEY", key), ("acme/", f"{organisation}/"),
    ):  # fmt: skip
        text = text.replace(written, wanted)
    return text


@contextmanager
def nginx(*, weir: int, models: int, key: str, organisation: str) -> Iterator[str]:
    """Its address."""
    own = free_port()
    text = (RECIPES / "nginx/weir.conf").read_text()
    with tempfile.TemporaryDirectory(prefix="weir-nginx-") as folder:
        Path(folder, "weir.conf").write_text(
            _filled(text, own, weir=weir, models=models, key=key, organisation=organisation)
        )
        paths = " ".join(
            f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main = f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; events {{}}\n"
        Path(folder, "nginx.conf").write_text(
            f"{main}http {{ access_log off; {paths}\ninclude {folder}/weir.conf; }}\n"
        )
        assert NGINX is not None
        with _running([NGINX, "-p", folder, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error.log"], own) as url:
            yield url


@contextmanager
def envoy(*, weir: int, models: int, key: str, organisation: str) -> Iterator[str]:
    """Its address."""
    own = free_port()
    text = (RECIPES / "envoy/envoy.yaml").read_text()
    with tempfile.TemporaryDirectory(prefix="weir-envoy-") as folder:
        path = Path(folder, "envoy.yaml")
        path.write_text(_filled(text, own, weir=weir, models=models, key=key, organisation=organisation))
        with _running(
            [str(ENVOY), "-c", str(path), "-l", "error", "--concurrency", "1", "--disable-hot-restart"], own
        ) as url:
            yield url


@contextmanager
def _running(words: list[str], port: int) -> Iterator[str]:
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: _answers(url), holds=lambda answers: answers, within_s=30, what=" ".join(words))
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        requests.get(url, timeout=2)
    except requests.RequestException:
        return False
    return True
