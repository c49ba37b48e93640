"""A person at the admin, as a browser would be: forms with their CSRF token, and a session cookie."""

from __future__ import annotations

import re

import requests

from tests.journeys.installation import Installation


class AdminSession:
    def __init__(self, weir: Installation, email: str, password: str) -> None:
        self.url = weir.url
        self.http = requests.Session()
        page = self.http.get(f"{self.url}/admin/login/", timeout=30)
        entered = self._submit(page, {"username": email, "password": password, "next": "/admin/"})
        assert "sessionid" in self.http.cookies, entered.text

    def _submit(self, page: requests.Response, values: dict[str, str]) -> requests.Response:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token, page.text
        return self.http.post(
            page.url, data=values | {"csrfmiddlewaretoken": token.group(1)}, headers={"Referer": page.url}, timeout=30
        )

    def act(self, listing: str, action: str, pk: str, values: dict[str, str]) -> str:
        """Choose a row, an action, fill in the page that asks for the rest; the page seen afterwards."""
        page = self.http.get(f"{self.url}/admin/{listing}/", timeout=30)
        assert page.status_code == 200, page.text
        asked = self._submit(page, {"action": action, "_selected_action": pk, "index": "0"})
        assert asked.status_code == 200, asked.text
        chosen = {"action": action, "_selected_action": pk, "apply": "1"}
        return self._submit(asked, chosen | values).text
