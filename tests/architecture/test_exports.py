"""What is public is complete, sorted, importable and described."""

import ast
import importlib
import inspect

import pytest
from house import PACKAGE, convokit, public_names, sources

OFFERS = ("transports", "stores", "desks", "testing")
"""The packages that offer names of their own beside `convokit`."""


def in_order(names: list[str]) -> list[str]:
    """Constants, classes, functions, each by the alphabet: the order that the linter wants."""
    return sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))


def test_the_public_names_are_sorted_and_each_is_there() -> None:
    package = convokit()
    names = list(package.__all__)
    assert names == in_order(names), "convokit.__all__ is not sorted"
    assert len(names) == len(set(names)), "convokit.__all__ names something twice"
    assert not [name for name in names if not hasattr(package, name)], "convokit.__all__ names what is not there"


def test_what_is_imported_into_the_top_is_offered_there() -> None:
    package = convokit()
    top = next(source for source in sources() if source.name == "__init__.py")
    imported = {
        alias.asname or alias.name
        for node in top.tree.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("convokit")
        for alias in node.names
        if not (alias.asname or alias.name).startswith("_")
    }
    assert imported <= set(package.__all__), f"imported but not in __all__: {sorted(imported - set(package.__all__))}"


def test_the_top_has_no_logic() -> None:
    top = next(source for source in sources() if source.name == "__init__.py")
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr)
    strange = [node.lineno for node in top.tree.body if not isinstance(node, allowed) and not is_lazy_door(node)]
    assert not strange, f"__init__.py re-exports and does nothing else; see its lines {strange}"


def is_lazy_door(node: ast.stmt) -> bool:
    """A module's `__getattr__` or `__dir__`, or imports for type checkers: names re-exported without loading them."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING" and all(isinstance(one, ast.ImportFrom) for one in node.body)
    return isinstance(node, ast.FunctionDef) and node.name in {"__getattr__", "__dir__"}


def test_every_error_and_every_kind_of_event_is_public() -> None:
    package = convokit()
    missing = []
    for room in ("errors", "events", "people"):
        module = importlib.import_module(f"convokit.{room}")
        missing += [
            f"{room}.{name}"
            for name, value in vars(module).items()
            if inspect.isclass(value) and value.__module__ == module.__name__ and not name.startswith("_")
            if name not in package.__all__
        ]
    assert not missing, f"these are not re-exported by convokit: {missing}"


def test_every_public_name_says_what_it_is() -> None:
    package = convokit()
    silent = []
    for name in public_names(package):
        value = getattr(package, name)
        if (inspect.isclass(value) or inspect.isroutine(value)) and value.__module__.startswith("convokit"):
            own = value.__dict__.get("__doc__") if inspect.isclass(value) else value.__doc__
            if not (own or "").strip() or str(own).startswith(f"{name}("):
                silent.append(name)
    assert not silent, f"these public names have no docstring of their own: {silent}"


@pytest.mark.parametrize("room", OFFERS)
def test_a_package_that_offers_names_lists_them(room: str) -> None:
    convokit()
    if not (PACKAGE / room / "__init__.py").is_file():
        pytest.skip(f"convokit.{room} does not exist yet")
    module = importlib.import_module(f"convokit.{room}")
    names = list(getattr(module, "__all__", []))
    assert names, f"convokit.{room} has no __all__"
    assert names == in_order(names), f"convokit.{room}.__all__ is not sorted"
    silent = [name for name in names if not (getattr(module, name).__doc__ or "").strip()]
    assert not silent, f"these names of convokit.{room} have no docstring: {silent}"
