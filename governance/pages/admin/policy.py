"""What a browser may load and run on a page of ours: nothing that a page itself brings as a script."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from hashlib import sha256

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.template.loader import get_template

STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
# Unfold writes its colours into each page, and one rule into lists without actions.
WITH_STYLES = ("unfold/layouts/skeleton.html", "admin/change_list.html")
# htmx writes these rules into each page that it is loaded on.
OF_HTMX = (
    "      .htmx-indicator{opacity:0}"
    "      .htmx-request .htmx-indicator{opacity:1; transition: opacity 200ms ease-in;}"
    "      .htmx-request.htmx-indicator{opacity:1; transition: opacity 200ms ease-in;}      "
)
NOTHING = "default-src 'none'; frame-ancestors 'none'"


class ContentSecurityPolicy:
    """Middleware: a policy for every page, and for what is no page one that allows nothing, nor to be kept."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html")
        response.headers.setdefault("Content-Security-Policy", policy_of_pages() if is_page else NOTHING)
        if not is_page:
            response.headers.setdefault("Cache-Control", "no-store")
        return response


@cache
def policy_of_pages() -> str:
    """Scripts are files of ours. Alpine.js, which Unfold is made with, compiles the expressions in attributes of its
    templates, hence 'unsafe-eval'. Bars and charts have their widths in `style` attributes; `<style>` is by its hash.
    """
    hashes = " ".join(f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" for style in _styles())
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-eval'",
            "script-src-attr 'none'",
            # For browsers that do not know the two finer ones.
            "style-src 'self' 'unsafe-inline'",
            f"style-src-elem 'self' {hashes}",
            "style-src-attr 'unsafe-inline'",
            "img-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _styles() -> list[str]:
    """Each `<style>` that libraries write, as they write it."""
    site = admin.site
    of_unfold = Context({
        "border_radius": site._get_config("BORDER_RADIUS"),  # type: ignore[attr-defined]  # noqa: SLF001  # Unfold's site; it has no other way.
        "colors": site._get_colors("COLORS"),  # type: ignore[attr-defined]  # noqa: SLF001  # See above.
    })  # fmt: skip
    written = [
        Template(block).render(of_unfold)
        for name in WITH_STYLES
        for block in STYLE.findall(get_template(name).template.source)  # type: ignore[attr-defined]  # of Django's own engine
    ]
    return [*written, OF_HTMX]
