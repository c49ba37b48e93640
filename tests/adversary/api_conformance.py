"""Whether an answer is one that the published schema documents: its status, content type and body."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
PUBLISHED = yaml.load(
    (Path(__file__).resolve().parents[2] / "docs/reference/openapi.yaml").read_text(), Loader=yaml.CSafeLoader
)


def check_documented(method: str, path: str, answer: Any) -> None:
    """`path` is the operation's in the schema. AssertionError says what is not documented, or not as it is."""
    operation = PUBLISHED["paths"][path][method.lower()]
    found = operation["responses"].get(str(answer.status_code))
    said = answer.getvalue()
    assert found is not None, f"{method} {path} answers {answer.status_code}: {said[:300]!r}"
    if "$ref" in found:
        found = PUBLISHED["components"]["responses"][found["$ref"].rpartition("/")[2]]
    content = found.get("content")
    if content is None:
        return
    media = answer.get("Content-Type", "").partition(";")[0]
    assert media in content, f"{method} {path} answers {answer.status_code} as {media}: {said[:300]!r}"
    if media.endswith("json"):
        schema = json.dumps(content[media].get("schema", {}), sort_keys=True)
        wrong = [
            f"{error.json_path}: {error.message[:200]}" for error in _validator(schema).iter_errors(json.loads(said))
        ]
        assert not wrong, f"{method} {path} answers {answer.status_code}: {wrong[:3]}"


def check_undocumented_method(path: str, answer: Any) -> None:
    """Of a method that the path does not document: as the schema says once for all of them."""
    documented = {method.upper() for method in PUBLISHED["paths"][path] if method in METHODS}
    may_come = documented | {"OPTIONS"} | ({"HEAD"} if "GET" in documented else set())
    allowed = {method.strip() for method in answer.get("Allow", "").split(",")}
    said = answer.getvalue()
    assert answer.status_code == 405, f"{path} answers {answer.status_code}: {said[:300]!r}"
    assert documented <= allowed <= may_come, f"{path} allows {allowed}"
    told = PUBLISHED["components"]["responses"]["MethodNotAllowed"]["content"]
    media = answer["Content-Type"]
    assert not list(_validator(json.dumps(told[media]["schema"], sort_keys=True)).iter_errors(json.loads(said)))
    assert json.loads(said)["code"] == "method_not_allowed"


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": PUBLISHED["components"]})
