import pytest

from policies.guardrails.documents import GuardrailSpec
from policies.guardrails.engine.matching import matches, path_matches
from policies.guardrails.engine.types import ScopeView

REST = {"facts": {"a": {"fact": "data.age"}}, "steps": [{"name": "s", "when": "a > 1", "actions": [{"block": {}}]}]}
SEARCH = ScopeView(1, "acme/search", "team", {"env": "prod"}, environment="prod", practice="finops_for_ai")


@pytest.mark.parametrize(
    ("glob", "path", "wanted"),
    [
        ("acme/**", "acme/search", True),
        ("acme/**", "acme/search/ranker", True),
        ("acme/**", "acme", False),
        ("acme/**", "acmes/search", False),
        ("acme/*", "acme/search", True),
        ("acme/*", "acme/search/ranker", False),
        ("acme/se*", "acme/search", True),
        ("**", "acme", True),
        ("**/ranker", "acme/search/ranker", True),
        ("**/ranker", "ranker", True),
        ("acme/**/ranker", "acme/ranker", True),
        ("acme/search", "acme/search", True),
        ("acme/search", "acme/search2", False),
        ("acme.search", "acme/search", False),
        ("a.me", "acme", False),
    ],
)
def test_globs_cover_paths_by_segment(glob: str, path: str, *, wanted: bool) -> None:
    assert path_matches(glob, path) is wanted


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        pytest.param({"match": {}}, True, id="no matcher is every scope"),
        pytest.param({"match": {"kinds": ["team", "product"]}}, True, id="one of the kinds"),
        pytest.param({"match": {"kinds": ["agent"]}}, False, id="another kind"),
        pytest.param({"match": {"kinds": ["team"], "paths": ["other/**"]}}, False, id="all given matchers must hold"),
        pytest.param({"match": {"labels": {"env": "prod"}}}, True, id="a label"),
        pytest.param({"match": {"labels": {"tier": "gold"}}}, False, id="a label it lacks"),
        pytest.param({"match": {"environments": ["prod"]}}, True, id="its environment"),
        pytest.param({"match": {"practice": "ai_for_finops"}}, False, id="the other practice"),
        pytest.param({"match": {}, "exclude": {"labels": {"env": "prod"}}}, False, id="excluded by a label"),
        pytest.param(
            {"match": {}, "exclude": {"labels": {"env": "prod"}, "kinds": ["agent"]}}, True, id="excluded only by all"
        ),
    ],
)
def test_a_scope_is_matched_by_all_that_is_given(spec: dict[str, object], *, wanted: bool) -> None:
    assert matches(GuardrailSpec.model_validate({**REST, **spec}), SEARCH) is wanted
