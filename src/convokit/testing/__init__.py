"""The testing kit: chats as tests, with virtual time and faults, and the suites with which plugins prove themselves."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convokit.testing.faults import FaultyStore, Spared
    from convokit.testing.faulty_proxy import FaultyProxy, Trouble
    from convokit.testing.simulation import Heard, Operator, Person, Simulation, VirtualClock

__all__ = [
    "FaultyProxy",
    "FaultyStore",
    "Heard",
    "Operator",
    "Person",
    "Simulation",
    "Spared",
    "Trouble",
    "VirtualClock",
]

_HOMES = {
    "FaultyProxy": "faulty_proxy",
    "FaultyStore": "faults",
    "Trouble": "faulty_proxy",
    "faults": "faults",
}


def __getattr__(name: str) -> Any:
    # A torture run starts a process hundreds of times that uses none of these.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'simulation')}"), name)
