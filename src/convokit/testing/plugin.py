"""The pytest plugin: chats are async tests without a marker, on asyncio and trio, and a fixture makes simulations."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> None:
    """Let async tests of modules that use the testing kit run, on every back end that `anyio_backend` names."""
    if not inspect.iscoroutinefunction(obj) or not collector.istestfunction(obj, name):
        return
    module = inspect.getmodule(obj)
    uses = any(getattr(one, "__module__", "").startswith("convokit.testing") for one in vars(module or obj).values())
    if uses or "simulation" in inspect.signature(obj).parameters:
        pytest.mark.usefixtures("anyio_backend")(obj)
        pytest.mark.anyio(obj)


@pytest.fixture
def simulation() -> Callable[..., Any]:
    """Make simulations: it is the class `convokit.testing.Simulation`, and nothing need be imported."""
    from convokit.testing.simulation import Simulation  # noqa: PLC0415  only tests that ask for it load the engine

    return Simulation
