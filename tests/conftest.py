"""Every async test runs on asyncio and on trio; slow suites, and those in a browser, run when they are named."""

import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import settings

# In CI a property that held yesterday holds today: new examples are looked for where somebody reads what they say.
settings.register_profile("repeatable", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("repeatable")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    backend: str = request.param
    return backend


@pytest.fixture
def own_log() -> Iterator[None]:
    """What a command makes of the process's log is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults",
        type=int,
        metavar="SEED",
        help="run every simulation over a store with faults of this seed (tests marked faultless keep theirs)",
    )


@pytest.fixture(autouse=True)
def faults_of_the_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--faults`, give each simulation of a test a store with faults, drawn by the option and the test's name."""
    seed = request.config.getoption("--faults")
    if seed is None or request.node.get_closest_marker("faultless"):
        return
    from convokit.stores import Memory  # noqa: PLC0415  most runs need none of these
    from convokit.testing import FaultyStore, Simulation  # noqa: PLC0415  see above

    each = crc32(f"{seed} {request.node.nodeid}".encode())
    monkeypatch.setattr("trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING", True)  # else its order is drawn anew
    import_module("trio._core._run")._r.seed(each)
    monkeypatch.setattr(Simulation, "fresh_store", staticmethod(lambda: FaultyStore(Memory(), each)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow and browser tests out of the plain run: they run with `-m`, or when their folder or file is named."""
    if config.option.markexpr:
        return
    named = [
        Path(str(one).partition("::")[0]).resolve()
        for one in config.invocation_params.args
        if Path(str(one).partition("::")[0]).exists()
    ]
    wide = {Path(__file__).parent, Path(__file__).parents[1]}
    chosen = [one for one in named if one not in wide]
    left_out = [
        item
        for item in items
        if any(item.get_closest_marker(one) for one in ("slow", "browser"))
        and not any(item.path.is_relative_to(one) for one in chosen)
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with independent judges; absent on a user's machine."""
    folder = Path(__file__).resolve().parents[1].parent / "shared"
    if not (folder / "oracles").is_dir():
        pytest.skip("the folder with the platforms' schemas and recorded payloads (shared/) is not beside the project")
    return folder


@pytest.fixture(scope="session")
def telegram_schema(shared: Path) -> Callable[[str, str, dict[str, Any]], list[str]]:
    """The Bot API checker's own functions: problems of a payload as a "method"'s parameters or a "type"."""
    oracles = shared / "oracles"
    # The checker is a script whose last lines read the standard input and end the process: take what stands above.
    source = (oracles / "tg_spec_check.py").read_text(encoding="utf-8").partition("\nkind, name =")[0]
    loaded: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patched, warnings.catch_warnings(action="ignore", category=ResourceWarning):
        patched.setattr(sys, "argv", ["check", str(oracles / "specs" / "telegram_api_10.1.json"), "method", "getMe"])
        exec(compile(source, "tg_spec_check.py", "exec"), loaded)  # noqa: S102  the judge's own words

    def problems(kind: str, name: str, payload: dict[str, Any]) -> list[str]:
        table = loaded["M" if kind == "method" else "T"]
        found: list[str] = loaded["obj"](payload, table[name].get("fields", []), name)
        return found

    return problems


@pytest.fixture(scope="session")
def messenger_parameters(shared: Path) -> dict[str, set[str] | None]:
    """The parameters of POST /{page}/messages, with the values of those that are enums."""
    specs = shared / "oracles" / "specs"
    page = json.loads((specs / "meta_codegen_Page.json").read_text())
    enums = {
        one["name"]: set(one["values"])
        for one in json.loads((specs / "meta_codegen_enum_types.json").read_text())
        if one["node"] == "Page"
    }
    (edge,) = [one for one in page["apis"] if (one["method"], one.get("endpoint")) == ("POST", "messages")]
    assert [one["name"] for one in edge["params"] if one["required"]] == ["recipient"]
    return {one["name"]: enums.get(one["type"]) for one in edge["params"]}
