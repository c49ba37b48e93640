"""Reads YAML into plain data: limits on size, depth and aliases; no duplicate keys, no tags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    ScalarEvent,
)
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from governance.errors import DomainError

MAX_BYTES = 1 << 20
MAX_DEPTH = 50
MAX_ALIASES = 100
# Counted with every alias expanded: a small file can expand to any size ("billion laughs").
MAX_NODES = 50_000
MAX_INTEGER_DIGITS = 18
# libyaml where PyYAML was built with it, as its wheels are: ten times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path = tuple[str | int, ...]


class DocumentError(DomainError):
    """Something is wrong in a file: the sentence says where and what to do; `errors` lists each place."""

    code = "document_invalid"
    status = 422

    def __init__(
        self, message: str, *, file: str = "", line: int | None = None, path: str = "", code: str | None = None,
        errors: Sequence[Mapping[str, object]] = (),
    ) -> None:  # fmt: skip
        place = ":".join(str(part) for part in (file, line) if part)
        sentence = f"{path}: {message}" if path else message
        super().__init__(
            f"{place}: {sentence}" if place else sentence,
            code=code,
            file=file,
            line=line,
            path=path,
            errors=list(errors),
        )
        self.message = message
        self.file = file
        self.line = line
        self.path = path

    @classmethod
    def of_problems(cls, document: SourcedDocument, problems: Sequence[tuple[Path, str]]) -> DocumentError:
        """One error for everything that is wrong with a document; `problems` are (path, message), at least one."""
        errors = [
            {"path": dotted(path), "line": document.line_of(path), "message": message} for path, message in problems
        ]
        first, *others = errors
        lines = "".join(f"\n{document.source}:{error['line']}: {error['path']}: {error['message']}" for error in others)
        return cls(
            f"{first['message']}{lines}",
            file=document.source,
            line=document.line_of(problems[0][0]),
            path=dotted(problems[0][0]),
            errors=errors,
        )


@dataclass(frozen=True, slots=True)
class SourcedDocument:
    """One YAML document: its data, its text, and the line of each field, counted from 1."""

    source: str
    line: int
    data: dict[str, Any]
    text: str
    lines: Mapping[Path, int] = field(default_factory=dict, repr=False, compare=False)

    def line_of(self, path: Sequence[str | int]) -> int:
        """The line of the field, or of the nearest enclosing one that is present."""
        for length in range(len(path), 0, -1):
            if (line := self.lines.get(tuple(path[:length]))) is not None:
                return line
        return self.line


def dotted(path: Sequence[str | int]) -> str:
    """`('spec', 'owners', 0, 'email')` as `spec.owners[0].email`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def load_documents(text: str | bytes, *, source: str) -> list[SourcedDocument]:
    """Every document of a file; empty ones are skipped. Raises DocumentError with file and line."""
    content = _decoded(text, source)
    try:
        _check_events(content, source)
        return list(_documents(content, source))
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        raise DocumentError(
            f"not YAML: {problem.problem or problem.context}", file=source, line=_line(mark),
            code="malformed_yaml",
        ) from None  # fmt: skip
    except yaml.YAMLError as problem:
        raise DocumentError(f"not YAML: {problem}", file=source, code="malformed_yaml") from None


def _decoded(text: str | bytes, source: str) -> str:
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise DocumentError(
            f"larger than {MAX_BYTES:,} bytes; split it into several files", file=source, code="document_too_large"
        )
    try:
        content = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        content.encode()
    except UnicodeError:
        raise DocumentError("not UTF-8 text; save it as UTF-8", file=source, code="malformed_yaml") from None
    if "\0" in content:
        line = content[: content.index("\0")].count("\n") + 1
        raise DocumentError("holds a NUL character; remove it", file=source, line=line, code="nul_character")
    return content


def _check_events(content: str, source: str) -> None:
    """Checks depth, aliases and expanded size on the event stream, before anything is built."""
    size = _Size(source)
    for event in yaml.parse(content, Loader=LOADER):
        if isinstance(event, DocumentStartEvent):
            size = _Size(source)
        else:
            size.add(event)


class _Size:
    """The size of a document so far, with every alias expanded."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.total = 0
        self.aliases = 0
        self._of_anchor: dict[str, int] = {}
        self._open: list[tuple[str | None, int]] = []

    def add(self, event: Event) -> None:
        match event:
            case AliasEvent():
                self._add_alias(event)
            case CollectionStartEvent():
                self.total += 1
                self._open.append((event.anchor, self.total))
                if len(self._open) > MAX_DEPTH:
                    raise self._refusal(
                        event, f"nested deeper than {MAX_DEPTH} levels; flatten it", code="document_too_deep"
                    )
            case CollectionEndEvent():
                anchor, before = self._open.pop()
                if anchor:
                    self._of_anchor[anchor] = self.total - before + 1
            case ScalarEvent():
                self.total += 1
                if event.anchor:
                    self._of_anchor[event.anchor] = 1
            case _:
                return
        if self.total > MAX_NODES:
            message = f"more than {MAX_NODES:,} values once its aliases are written out; split it"
            raise self._refusal(event, message, code="document_too_large")

    def _add_alias(self, event: AliasEvent) -> None:
        self.aliases += 1
        anchor = event.anchor or ""
        if self.aliases > MAX_ALIASES:
            raise self._refusal(
                event, f"more than {MAX_ALIASES} aliases; write the values out", code="too_many_aliases"
            )
        if any(anchor == around for around, _ in self._open):
            raise self._refusal(event, f"*{anchor} contains itself; write the value out", code="yaml_recursive")
        self.total += self._of_anchor.get(anchor, 1)

    def _refusal(self, event: Event, message: str, *, code: str) -> DocumentError:
        return DocumentError(message, file=self.source, line=_line(event.start_mark), code=code)


def _line(mark: Any) -> int | None:
    """Counted from 1, as in editors; None for no mark."""
    return mark.line + 1 if mark is not None else None


def _documents(content: str, source: str) -> Iterator[SourcedDocument]:
    all_lines = content.splitlines(keepends=True)
    for node in yaml.compose_all(content, Loader=LOADER):
        if isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null":
            continue
        line = node.start_mark.line + 1
        if not isinstance(node, MappingNode):
            raise DocumentError("a document is a mapping (apiVersion, kind, metadata, spec)", file=source, line=line)
        reader = _Reader(source)
        data = reader.value(node, ())
        text = "".join(all_lines[node.start_mark.line : node.end_mark.line + 1]).partition("\n---")[0]
        yield SourcedDocument(source=source, line=line, data=data, text=text, lines=reader.lines)


class _Reader:
    """Builds plain data from nodes that passed `_check_events`: text, numbers, booleans, null, lists, mappings."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines: dict[Path, int] = {}

    def value(self, node: Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        match node:
            case MappingNode():
                return self._mapping(node, path)
            case SequenceNode():
                self._plain(node, path, "tag:yaml.org,2002:seq")
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            case ScalarNode():
                return self._scalar(node, path)
            case _:
                raise self._refusal(node, path, "cannot be read")

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        self._plain(node, path, "tag:yaml.org,2002:map")
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                raise self._refusal(key_node, path, "a key must be a text")
            key: str = key_node.value
            if key_node.tag == "tag:yaml.org,2002:merge":
                raise self._refusal(key_node, path, "merge keys (<<) are not read; write the fields out")
            if key in mapping:
                raise self._refusal(
                    key_node, (*path, key), "this key stands here twice; keep one of them", code="duplicate_key"
                )
            self.lines[*path, key] = key_node.start_mark.line + 1
            mapping[key] = self.value(value_node, (*path, key))
        return mapping

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text: str = node.value
        match node.tag.removeprefix("tag:yaml.org,2002:"):
            case "null":
                return None
            case "bool":
                if text.lower() not in {"true", "false"}:
                    # YAML 1.1 reads yes, no, on and off as booleans; NO is also a country code.
                    return text
                return text.lower() == "true"
            case "int" if re.fullmatch(r"[-+]?(0|[1-9][0-9_]*)", text):
                digits = text.replace("_", "")
                if len(digits.lstrip("+-")) > MAX_INTEGER_DIGITS:
                    raise self._refusal(node, path, f"an integer of more than {MAX_INTEGER_DIGITS} digits")
                return int(digits)
            case "float" if re.fullmatch(r"[-+]?([0-9][0-9_]*)?\.?[0-9]+([eE][-+]?[0-9]{1,3})?", text):
                return float(text.replace("_", ""))
            case "int" | "float" | "timestamp" | "str":
                # Dates, hexadecimal and sexagesimal numbers stay text; the typed document parses them.
                return text
            case tag:
                raise self._refusal(node, path, f"the tag {tag} is not read; write a plain value")

    def _plain(self, node: Node, path: Path, tag: str) -> None:
        if node.tag != tag:
            raise self._refusal(node, path, f"the tag {node.tag} is not read; write a plain value")

    def _refusal(self, node: Node, path: Path, message: str, *, code: str | None = None) -> DocumentError:
        return DocumentError(message, file=self.source, line=node.start_mark.line + 1, path=dotted(path), code=code)
