"""Every code that a caller may meet is listed in `config.refusals` with its status, and nothing else is."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

from config.refusals import OF_A_RECORD, OF_A_REQUEST
from governance.errors import DomainError

ROOT = Path(__file__).resolve().parents[2]
APPS = ("governance", "allocation", "budgets", "policies", "reporting", "config")
FAULTS = {"Fault", "RowFault", "UncountedCharge", "ErrorDetail"}
# What DRF raises, by name.
OF_DRF = {
    "ParseError": 400, "NotAuthenticated": 401, "AuthenticationFailed": 401, "NotFound": 404, "MethodNotAllowed": 405,
    "NotAcceptable": 406, "UnsupportedMediaType": 415, "Throttled": 429, "BasePermission": 403,
}  # fmt: skip
# Functions that raise or return a refusal: of a document, NotFound, and of what a serializer refuses.
BY_WAY_OF = {"_refusal": 422, "row_asked": 404, "problem_response": 400}
# Adjective first: each of these words is said behind the noun.
REVERSED = ("unknown_", "invalid_", "missing_", "no_", "wrong_", "reserved_")
SYNONYMS = ("_not_found", "_not_set")


def sources() -> Iterator[tuple[str, ast.Module]]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                yield name.removesuffix(".__init__"), ast.parse(path.read_text())


def statuses() -> dict[str, int]:
    """Of each class of refusal, by its name."""
    known = {**OF_DRF, **BY_WAY_OF}
    below = [DomainError]
    while below:
        kind = below.pop()
        known[kind.__name__] = kind.status
        below.extend(kind.__subclasses__())
    return known


def constants(value: ast.expr | None) -> Iterator[str]:
    match value:
        case ast.Constant(value=str(text)) if text:
            yield text
        case ast.IfExp(body=first, orelse=second):
            yield from constants(first)
            yield from constants(second)
        case ast.Call(args=[_, default]):
            yield from constants(default)


def codes_assigned(line: ast.AST) -> list[str]:
    match line:
        case ast.Assign(targets=[ast.Name(id="code")], value=value):
            return list(constants(value))
    return []


class Said(ast.NodeVisitor):
    """Codes of requests with their statuses, and codes of records, as the source says them."""

    def __init__(self, known: Mapping[str, int]) -> None:
        self.known = known
        self.requests: dict[str, set[int]] = defaultdict(set)
        self.records: set[str] = set()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for line in node.body:
            for code in codes_assigned(line):
                self.requests[code].add(self.known.get(node.name) or self.known[named(node.bases[0])])
            if not codes_assigned(line):
                self.visit(line)

    def visit_Call(self, node: ast.Call) -> None:
        given = {each.arg: each.value for each in node.keywords}
        if named(node.func) in FAULTS:
            self.records.update(constants(given.get("code") or node.args[0]))
        else:
            for code in constants(given.get("code")):
                status = given.get("status")
                is_told = isinstance(status, ast.Constant) and isinstance(status.value, int)
                self.requests[code].add(status.value if is_told else self.known[named(node.func)])
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.records.update(codes_assigned(node))
        match node:
            case ast.Assign(targets=[ast.Name(id="CODES")], value=ast.Dict(keys=keys, values=values)):
                for key, value in zip(keys, values, strict=True):
                    for code in constants(value):
                        self.requests[code].add(self.known[named(key)])
            case ast.Assign(targets=[ast.Name(id="_CODES")], value=ast.Dict(values=values)):
                self.records.update(code for value in values for code in constants(value))
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        match node:
            case ast.AnnAssign(target=ast.Name(id="DJANGO_REFUSALS"), value=ast.Tuple(elts=rows)):
                for row in rows:
                    _, status, code, _ = ast.literal_eval(ast.unparse(row).replace(ast.unparse(row.elts[0]), "0", 1))
                    self.requests[code].add(status)
        self.generic_visit(node)


def named(node: ast.expr) -> str:
    """The last name of `exceptions.NotFound`."""
    return ast.unparse(node).rpartition(".")[2]


def said() -> Said:
    trees = list(sources())
    for name, tree in trees:
        if any(isinstance(node, ast.ClassDef) for node in tree.body):
            import_module(name)
    found = Said(statuses())
    for _, tree in trees:
        found.visit(tree)
    return found


def test_every_code_is_listed_with_its_status_and_every_listed_one_is_said() -> None:
    found = said()

    assert {code: tuple(sorted(each)) for code, each in found.requests.items()} == {
        code: each.statuses for code, each in OF_A_REQUEST.items()
    }
    assert found.records == OF_A_RECORD.keys()


def test_a_code_says_the_noun_first_and_each_adjective_in_one_way() -> None:
    assert [code for code in OF_A_REQUEST if code.startswith(REVERSED) or code.endswith(SYNONYMS)] == []
