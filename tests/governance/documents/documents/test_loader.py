import contextlib

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.documents import DocumentError, load_documents
from governance.documents.documents import loader


@pytest.fixture(params=["SafeLoader", "CSafeLoader"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's own, and libyaml, which reads faster."""
    monkeypatch.setattr(loader, "LOADER", getattr(yaml, request.param))


def test_each_document_knows_where_it_stands() -> None:
    first, second = load_documents("# first\na: 1\nb:\n  - c: x\n---\n\nd: 2\n---\n", source="two.yaml")
    assert (first.data, first.line, first.text) == ({"a": 1, "b": [{"c": "x"}]}, 2, "a: 1\nb:\n  - c: x")
    assert (second.data, second.line) == ({"d": 2}, 7)
    assert [first.line_of(path) for path in ((), ("a",), ("b",), ("b", 0, "c"), ("b", 0, "z"))] == [2, 2, 3, 4, 4]
    assert load_documents("", source="x") == load_documents("# nothing\n---\n", source="x") == []


def test_only_plain_values_are_read() -> None:
    (document,) = load_documents(
        "{a: yes, b: no, c: true, d: null, e: ~, f: 2026-11-24, g: 0x1F, h: 010, i: 1_000, "
        "j: 1.5, k: 1e3, l: 12:30:45, m: .inf}",
        source="x",
    )
    assert document.data == {
        "a": "yes", "b": "no", "c": True, "d": None, "e": None, "f": "2026-11-24", "g": "0x1F", "h": "010",
        "i": 1000, "j": 1.5, "k": "1e3", "l": "12:30:45", "m": ".inf",
    }  # fmt: skip


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "duplicate_key", 3),
        ("a:\n  b: 1\n  'b': 2\n", "duplicate_key", 3),
        ("a: [\n", "malformed_yaml", 2),
        ("a: 1\n\tb: 2\n", "malformed_yaml", 2),
        ("a: b: c\n", "malformed_yaml", 1),
        ("a: *nobody\n", "malformed_yaml", 1),
        ("a: \x00\n", "nul_character", 1),
        (b"a: \xff\n", "malformed_yaml", None),
        ("a: " + "[" * 51 + "]" * 51, "document_too_deep", 1),
        ("a: " + "[" * 100_000, "document_too_deep", 1),
        (BOMB, "document_too_large", 5),
        ("a: &a [*a]\n", "yaml_recursive", 1),
        ("a: &a 1\nb: [" + ",".join(["*a"] * 101) + "]\n", "too_many_aliases", 2),
        ("a: " + "x" * (1 << 20), "document_too_large", None),
        ("a: [" + "1," * 60_000 + "]", "document_too_large", 1),
        ("- a\n- b\n", "document_invalid", 1),
        ("just text", "document_invalid", 1),
        ("a: !!python/object/apply:os.system [ls]\n", "document_invalid", 1),
        ("a: !!set {x}\n", "document_invalid", 1),
        ("a: !!binary aGk=\n", "document_invalid", 1),
        ("a: !custom x\n", "document_invalid", 1),
        ("base: &b {x: 1}\na:\n  <<: *b\n", "document_invalid", 3),
        ("? [x]\n: 1\n", "document_invalid", 1),
        ("a: " + "9" * 31 + "\n", "document_invalid", 1),
    ],
)
def test_what_is_not_safe_to_read_is_refused_with_its_place(text: str | bytes, code: str, line: int | None) -> None:
    with pytest.raises(DocumentError) as refused:
        load_documents(text, source="bad.yaml")
    assert (refused.value.code, refused.value.line) == (code, line)
    assert refused.value.detail.startswith("bad.yaml:")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300) | st.text(max_size=300) | st.text(alphabet="{}[]:,-&*!#|>'\"\n ab01<?", max_size=80))
def test_no_text_at_all_breaks_the_reader(text: str | bytes) -> None:
    with contextlib.suppress(DocumentError):
        load_documents(text, source="any.yaml")
