"""No page needs a script of its own, so that the policy, which allows none, keeps markup that got in from running."""

from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from governance.people.models import User

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)


class Inline(HTMLParser):
    """What a page brings itself: scripts, handlers in attributes, addresses that are scripts, and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._tag = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._tag = tag
        is_data = named.get("type") in {"application/json", "text/template"}
        if tag == "script" and "src" not in named and not is_data:
            self.scripts.append("script")
        self.scripts += [name for name, _ in attrs if name.startswith("on")]
        self.scripts += [value for _, value in attrs if (value or "").strip().lower().startswith("javascript:")]

    def handle_endtag(self, tag: str) -> None:
        self._tag = ""

    def handle_data(self, data: str) -> None:
        if self._tag == "style":
            digest = b64encode(sha256(data.encode()).digest()).decode()
            self.styles.append(f"'sha256-{digest}'")


def is_allowed(page: str, policy: str) -> bool:
    inline = Inline(page)
    return not inline.scripts and all(style in policy for style in inline.styles)


@pytest.fixture
def root(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("root@example.com", "a long password"))
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/login/", "/api/docs/"])
def test_pages_for_everybody_bring_no_script(client: Client, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert is_allowed(answer.content.decode(), policy)
    scripts = next(one for one in policy.split("; ") if one.startswith("script-src "))
    assert scripts == "script-src 'self' 'unsafe-eval'"


@pytest.mark.long
def test_no_page_of_the_admin_does(root: Client) -> None:
    seen = 0
    for model in MODELS:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        for page in (f"admin:{name}_changelist", f"admin:{name}_add"):
            answer = root.get(reverse(page))
            if answer.status_code == 200:
                seen += 1
                policy = answer.headers["Content-Security-Policy"]
                assert is_allowed(answer.content.decode(), policy), (page, Inline(answer.content.decode()).scripts)
    index = root.get("/admin/")
    assert is_allowed(index.content.decode(), index.headers["Content-Security-Policy"])
    assert seen > len(MODELS)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/scopes", "/healthz", "/api/nowhere", "/api/docs/?script"])
def test_what_is_no_page_may_load_nothing(client: Client, path: str) -> None:
    assert client.get(path).headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    "page",
    [
        "<script>alert(1)</script>", '<p onclick="alert(1)">', '<a href=" JavaScript:alert(1)">x</a>',
        "<style>body { background: url(//evil.example) }</style>",
    ],
)  # fmt: skip
def test_what_the_policy_keeps_out_is_seen(page: str) -> None:
    assert not is_allowed(page, "style-src-elem 'self'")
