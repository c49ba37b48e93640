"""What is asked of an endpoint about a place: its path, query and body, with the rows and scopes of that place."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from uuid import UUID

from tests.adversary.isolation_world import PLACES, World
from tests.meta.test_authorisation import DIGEST, MATRIX

NOWHERE = "nowhere"
# Of `MATRIX`, whose requests speak of acme/search, acme/ads and acme.
SCOPE, ORGANISATION = re.compile(r"acme/(?:search|ads)"), re.compile(r"\bacme\b(?!/)")
NOBODY = "of-nobody"
NO_ROW = 999_999_999
# What has no number.
NAMED_NOBODYS = {
    "rules": NOBODY,
    "guardrail": NOBODY,
    "reservation": str(UUID(int=NO_ROW)),
    "lease": str(UUID(int=NO_ROW)),
}
SHARED = {"guardrail": "monthly-budget"}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: str
    # What names the place, and is made alike before answers are compared.
    names: tuple[str, ...]


def request_of(name: str, world: World, place: str) -> Request | None:
    """None where the place has no such row: what belongs to an organisation is no team's."""
    case, (method, path) = MATRIX[name], name.split(" ")
    scope = f"acme/{NOBODY}" if place == NOWHERE else PLACES[place][0]
    organisation = NOBODY if place == NOWHERE else scope.partition("/")[0]
    named = ""
    if case.of:
        rows = world.rows.get(place, {}) | SHARED | {"search": scope}
        if place == NOWHERE:
            named = NAMED_NOBODYS.get(case.of, str(NO_ROW)) if case.of != "search" else scope
        elif case.of in rows:
            named = str(rows[case.of])
        else:
            return None

    def there(text: str) -> str:
        return ORGANISATION.sub(organisation, SCOPE.sub(scope, text))

    digest = world.rows.get(place, {}).get("digest", DIGEST)
    body = "" if case.body is None else there(json.dumps(case.body)).replace(DIGEST, digest)
    asked = "/api/v1" + re.sub(r"\{\w+\}", named, path)
    return Request(method, asked + there(case.query), body, (asked, scope, organisation, *([named] if named else [])))
