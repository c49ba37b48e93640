"""Keys before rules, rules in order, CEL beside labels: what a call means. One sentence per row."""

import random
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.attribution.documents import bind, condition
from allocation.attribution.engine import Key, Matcher, PlainCall, Rule
from governance.documents.engine.cel import ExpressionError

ON = date(2026, 11, 24)


def call(**changes: Any) -> PlainCall:
    known = {"provider": "openai", "model": "gpt-4o", "operation": "chat", "source": "litellm"}
    return PlainCall(**{**known, "service_tier": "standard", **changes})


def holds(text: str, **changes: Any) -> bool:
    return condition(text).holds(bind(call(**changes)))


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        pytest.param('provider == "openai"', {}, True, id="a field"),
        pytest.param('service_tier in ["batch", "flex"]', {"service_tier": "batch"}, True, id="a tier of a list"),
        pytest.param('attributes.team == "search"', {"attributes": {"team": "search"}}, True, id="an attribute"),
        pytest.param('attributes["tag.env"].startsWith("prod")', {"attributes": {"tag.env": "prod-eu"}}, True,
                     id="an attribute with a dot in its name"),
        pytest.param('attributes.team == "search"', {}, False, id="an attribute that is not there does not match"),
        pytest.param('attributes.team != "search"', {}, False, id="nor does its not being something match"),
        pytest.param('!("team" in attributes)', {}, True, id="its absence can be asked for"),
        pytest.param('attributes.team == "a" || model == "gpt-4o"', {}, True, id="or: one side suffices"),
        pytest.param('key_alias.startsWith("ranker-")', {"attributes": {"key_alias": "ranker-7"}}, True,
                     id="a name of a key"),
        pytest.param('key_alias == ""', {}, True, id="a name of a key is empty where there is none"),
        pytest.param('model.matches("^gpt-4")', {}, True, id="a pattern"),
        pytest.param('attributes.exists(name, name.startsWith("tag."))', {"attributes": {"tag.a": "1"}}, True,
                     id="any attribute"),
    ],
)  # fmt: skip
def test_a_condition_over_a_call(text: str, changes: dict[str, Any], expected: bool) -> None:
    assert holds(text, **changes) is expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('modle == "gpt-4o"', "did you mean `model`"),
        ('service_tier == "batchs"', "did you mean `batch`"),
        ('"fle" == service_tier', "did you mean `flex`"),
        ('service_tier in ["batch", "none"]', "there is no service tier `none`: it is recorded as `standard`"),
        ("model", "yields string, not true or false"),
        ("model > 3", "does not take"),
        ("1 < 2", "reads nothing of the call"),
        ('model.matches("(")', "is not a regular expression"),
        ('model == "gpt-4o" and provider == "x"', "syntax error"),
        ("(" * 40 + "true" + ")" * 40, "nested"),
        ('model == "' + "x" * 2000 + '"', "longer than 2,000"),
    ],
)
def test_a_mistake_is_said_with_its_fix(text: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=words):
        condition(text)


@pytest.mark.parametrize(
    ("text", "fields", "attributes"),
    [
        ('attributes.team == "a" && model == "b"', {"model"}, {"team"}),
        ('attributes["tag.env"] == "a" && "org" in attributes', set(), {"tag.env", "org"}),
        ("has(attributes.team) && attributes.team.size() > 3", set(), {"team"}),
        ('key_hash == "a" || weir_key == "b"', set(), {"key_hash", "weir_key"}),
        ('attributes["a" + model] == "b"', {"model"}, None),
        ('"a" + model in attributes', {"model"}, None),
        ('model + "a" in attributes', {"model"}, None),
        ("size(attributes) > 3", set(), None),
        ('attributes.all(model, model == "x")', {"model"}, None),
        ('attributes["a\\x62"] == "x"', set(), None),
    ],
)
def test_what_a_condition_reads(text: str, fields: set[str], attributes: set[str] | None) -> None:
    read = condition(text)
    assert (set(read.fields), None if read.attributes is None else set(read.attributes)) == (fields, attributes)


def key(name: str, kind: str, value: str, scope_id: int, **valid: date) -> Key:
    return Key(name, kind, value, scope_id, **valid)


KEYS = (
    key("hash", "key_hash", "h1", 1),
    key("alias", "key_alias", "a1", 2),
    key("past", "project", "p1", 3, effective_to=ON),
    key("now", "project", "p1", 4, effective_from=ON),
    key("gateway", "weir_key", "0123456789", 5),
)
RULES = (
    Rule("both", (("team", "search"),), 10, condition=condition('model == "gpt-4o"')),
    Rule("label", (("team", "s*"),), 11),
    Rule("old", (), 12, effective_to=ON, condition=condition('provider == "openai"')),
    Rule("new", (), 13, effective_from=ON, condition=condition('provider == "openai"')),
)


@pytest.mark.parametrize(
    ("changes", "on", "label"),
    [
        pytest.param({"attributes": {"key_hash": "h1", "key_alias": "a1"}}, ON, "hash", id="the hash tells most"),
        pytest.param({"attributes": {"key_alias": "a1", "team": "search"}}, ON, "alias", id="keys come before rules"),
        pytest.param({"attributes": {"key_alias": "A1"}}, ON, "new", id="keys are exact"),
        pytest.param({"attributes": {"project": "p1"}}, ON, "now", id="a key from its first day"),
        pytest.param({"attributes": {"project": "p1"}}, date(2026, 11, 23), "past", id="and before it another"),
        pytest.param({"attributes": {"weir_key": "0123456789", "key_alias": "a1"}}, ON, "alias",
                     id="who sent it tells least"),
        pytest.param({"attributes": {"team": "search"}}, ON, "both", id="label and condition"),
        pytest.param({"attributes": {"team": "search"}, "model": "o3"}, ON, "label", id="the condition does not hold"),
        pytest.param({}, ON, "new", id="a condition needs no attributes"),
        pytest.param({}, date(2026, 11, 23), "old", id="a condition has its days"),
        pytest.param({"provider": "self"}, ON, None, id="nothing matches"),
    ],
)  # fmt: skip
def test_where_a_call_belongs(changes: dict[str, Any], on: date, label: str | None) -> None:
    matcher = Matcher(RULES, KEYS)
    for _ in range(2):  # asked for, then remembered
        found = matcher.first_match(call(**changes), on)
        assert (found.name if found else None) == label


def test_only_a_star_is_any_text_in_a_label() -> None:
    rule = Rule("label", (("team", "svc[eu]?*"),), 11)
    teams = ["svc[eu]?", "svc[eu]?-1", "svce", "svc[eu]x"]
    assert [rule.matches({"team": team}, ON, lambda: bind(call())) for team in teams] == [True, True, False, False]


def test_ten_thousand_keys_are_looked_up() -> None:
    matcher = Matcher((), [key(f"k{number}", "key_hash", f"{number:064x}", number) for number in range(10_000)])
    found = matcher.first_match(call(attributes={"key_hash": f"{9_999:064x}"}), ON)
    assert found is not None
    assert found.scope_id == 9_999


CALLS = st.builds(
    call,
    provider=st.sampled_from(["openai", "self"]),
    model=st.sampled_from(["gpt-4o", "o3"]),
    attributes=st.dictionaries(
        st.sampled_from(["team", "key_hash", "key_alias", "project", "end_user"]),
        st.sampled_from(["search", "s", "h1", "a1", "p1", ""]),
    ),
)


@given(st.lists(st.tuples(CALLS, st.sampled_from([ON, date(2026, 11, 23)])), max_size=40), st.integers())
def test_memory_and_order_change_nothing(asked: list[tuple[PlainCall, date]], seed: int) -> None:
    alone = [Matcher(RULES, KEYS).first_match(one, on) for one, on in asked]
    shared = Matcher(RULES, KEYS)
    order = list(range(len(asked)))
    random.Random(seed).shuffle(order)
    together = {place: shared.first_match(*asked[place]) for place in order}
    assert [together[place] for place in range(len(asked))] == alone


def test_a_call_of_thousands_of_attributes_is_placed_and_not_remembered() -> None:
    rule = Rule("any", (), 7, condition=condition('attributes.exists(name, name == "last")'))
    matcher = Matcher([rule])
    attributes = {f"a{number}": "x" for number in range(5_000)} | {"last": "y"}
    assert matcher.first_match(PlainCall(attributes=attributes), date(2026, 11, 24)) == rule
    assert matcher._cache == {}
    assert matcher.first_match(PlainCall(attributes={"last": "y"}), date(2026, 11, 24)) == rule
    assert len(matcher._cache) == 1
