from allocation.meters.documents import EVENT, UsageEvent
from allocation.usage.engine.attributes import attributes_kept
from tests.allocation.conftest import document


def stating(attributes: dict[str, str], **changes: object) -> UsageEvent:
    return EVENT.validate_python(document(attributes=attributes, **changes), strict=False)


def test_what_rules_read_is_kept_first_and_the_rest_in_its_order() -> None:
    stated = {f"t{number}": "v" for number in range(40)} | {"team": "search", "env": "prod"}
    event = attributes_kept(stating(stated, mended=("latency_ms",)), ("env", "not stated", "team"))
    assert event.attributes == {f"t{number}": "v" for number in range(30)} | {"team": "search", "env": "prod"}
    assert list(event.attributes) == [*(f"t{number}" for number in range(30)), "team", "env"]
    assert event.mended == ("latency_ms", "attributes: 10 left out")


def test_where_rules_read_more_than_there_is_room_for_the_first_of_them_are_kept() -> None:
    stated = {f"a{number:02}": "v" for number in range(50)}
    event = attributes_kept(stating(stated), tuple(reversed(stated)))
    assert event.attributes == {f"a{number:02}": "v" for number in range(18, 50)}
    assert event.mended == ("attributes: 18 left out",)


def test_a_tag_that_is_stated_under_two_names_is_not_left_out_while_one_of_them_is_there() -> None:
    tags = {f"k{number}": f"v{number}" for number in range(20)}
    both = {name: value for key, value in tags.items() for name, value in ((f"tag.{key}", value), (key, value))}
    event = attributes_kept(stating(both), ("k19",))
    tagged = {f"tag.{key}": value for key, value in tags.items()}
    assert event.attributes == {**tagged, "k19": "v19", **{f"k{number}": f"v{number}" for number in range(11)}}
    assert event.mended == ()
