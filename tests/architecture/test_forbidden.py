"""Constructs that have no place in the package, found in its syntax trees, and the proof that they would be found."""

import ast
import re
from collections.abc import Callable, Iterator

import pytest
from house import Source, sources

Found = Iterator[tuple[ast.AST, str]]

SECRET = re.compile(r"(?:^|_)(?:sig|signature|token|secret|digest|hmac|password)s?(?:_|$)")
ABOUT_IT = re.compile(r"_(?:header|name|field|setting|length|count)s?$")
"""Endings of names that tell something about a secret and are none."""
SPEAKS = ("cli/", "transports/console")
"""Where printing is the purpose."""


def called(node: ast.Call) -> str:
    """The name that is called: "eval", "pickle.loads", ".format"."""
    function = node.func
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute):
        owner = function.value.id if isinstance(function.value, ast.Name) else ""
        return f"{owner}.{function.attr}"
    return ""


def modules_that_run_data(tree: ast.AST) -> Found:
    """pickle, marshal, shelve, dill and lxml are imported nowhere."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name.split(".")[0] in {"pickle", "marshal", "shelve", "dill", "cloudpickle", "lxml"}:
                yield node, f"imports {name}: stored and received bytes are data, never objects"


def calls_that_run_data(tree: ast.AST) -> Found:
    """No eval, exec, yaml.load, os.system, shell=True."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = called(node)
            if name in {"eval", "exec", "yaml.load", "yaml.unsafe_load", "os.system", "os.popen"}:
                yield node, f"calls {name}"
            if any(
                one.arg == "shell" and isinstance(one.value, ast.Constant) and one.value.value for one in node.keywords
            ):
                yield node, "runs a shell"


def formats_that_reach_into_objects(tree: ast.AST) -> Found:
    """`str.format` takes a written template only: a template from outside reads attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            own = isinstance(node.func.value, ast.Name) and node.func.value.id == "self"
            inherited = isinstance(node.func.value, ast.Call) and called(node.func.value) == "super"
            written = is_constant(node.func.value) or own or inherited
            if node.func.attr in {"format", "format_map"} and not written:
                yield node, f"calls .{node.func.attr} on something that is not written here"


def comparisons_that_leak_time(tree: ast.AST) -> Found:
    """Secrets are compared in constant time, never with `==`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(one, ast.Eq | ast.NotEq) for one in node.ops):
            sides = [node.left, *node.comparators]
            if any(isinstance(one, ast.Constant) and one.value in {"", None} for one in sides):
                continue
            for side in sides:
                name = side.id if isinstance(side, ast.Name) else side.attr if isinstance(side, ast.Attribute) else ""
                if SECRET.search(name.lower()) and not ABOUT_IT.search(name.lower()):
                    yield node, f"compares {name} with ==: use wire.signing.same"


def statements_built_from_text(tree: ast.AST) -> Found:
    """What reaches a database is a written statement with bound values."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        if node.func.attr in {"execute", "executemany", "executescript"} and built(node.args[0]):
            yield node, f".{node.func.attr} takes a statement that is put together from values: bind them"


def built(node: ast.expr) -> bool:
    """Whether a text is put together from values that are not written there."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(one, ast.FormattedValue) and not is_constant(one.value) for one in node.values)
    if isinstance(node, ast.BinOp):
        return not (is_constant(node.left) and is_constant(node.right))
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"format", "join"}


def is_constant(node: ast.expr) -> bool:
    """A literal, or a name in capitals, which is written at the top of the module."""
    if isinstance(node, ast.BinOp):
        return is_constant(node.left) and is_constant(node.right)
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id.lstrip("_").isupper())


def waiting_without_the_clock(tree: ast.AST) -> Found:
    """Nothing in the package knows asyncio's or trio's own primitives: anyio runs on both."""
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if {"asyncio", "trio"} & {name.split(".")[0] for name in names}:
            yield node, "imports asyncio or trio: anyio's names run on both"


RULES: tuple[tuple[Callable[[ast.AST], Found], str], ...] = (
    (modules_that_run_data, "import pickle"),
    (modules_that_run_data, "from lxml import etree"),
    (calls_that_run_data, "eval(x)"),
    (calls_that_run_data, "yaml.load(x)"),
    (calls_that_run_data, "subprocess.run(x, shell=True)"),
    (formats_that_reach_into_objects, "template.format(x)"),
    (comparisons_that_leak_time, "given_token == self.expected"),
    (comparisons_that_leak_time, "computed != request.signature"),
    (statements_built_from_text, "db.execute(f'select {x}')"),
    (statements_built_from_text, "db.execute('select ' + x)"),
    (statements_built_from_text, "db.execute('select {}'.format(x))"),
    (waiting_without_the_clock, "import asyncio"),
)


@pytest.mark.parametrize(("rule", "example"), RULES, ids=[example for _, example in RULES])
def test_a_forbidden_construct_is_found(rule: Callable[[ast.AST], Found], example: str) -> None:
    assert list(rule(ast.parse(example)))


@pytest.mark.parametrize(
    "example",
    [
        "'{} of {}'.format(a, b)",
        "GREETING.format(name)",
        "super().format(record)",
        "if token == '': pass",
        "db.execute('select ?', (x,))",
        "db.execute(f'select {COLUMNS} from lane')",
        "tokens_left = count == 3",
        "signature_header == 'x-hub-signature-256'",
        "import json",
    ],
)
def test_a_harmless_neighbour_of_it_is_not(example: str) -> None:
    assert not [found for rule in dict.fromkeys(rule for rule, _ in RULES) for found in rule(ast.parse(example))]


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _ in RULES), ids=lambda rule: rule.__name__)
def test_the_package_is_free_of_it(rule: Callable[[ast.AST], Found]) -> None:
    found = [
        f"{source.name}:{getattr(node, 'lineno', 0)} {why}" for source in sources() for node, why in rule(source.tree)
    ]
    assert not found, "\n".join(found)


def prints(source: Source) -> Iterator[int]:
    """The lines that print."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and called(node) in {"print", "stdout.write", "stderr.write"}:
            yield node.lineno


def test_only_the_command_line_and_the_console_print() -> None:
    found = [
        f"{source.name}:{line}" for source in sources() if not source.name.startswith(SPEAKS) for line in prints(source)
    ]
    assert not found, f"use the logger: {found}"
