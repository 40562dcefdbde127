"""The torture run: a process with a bot is killed again and again, and what was promised is counted.

`convokit torture` runs it from the command line. It needs the extra `serve`, as every bot with webhooks does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convokit.testing.torture.lives import VictimBroken
    from convokit.testing.torture.plan import Life, planned
    from convokit.testing.torture.run import VICTIM, Progress, Torture
    from convokit.testing.torture.verdict import Row, Verdict

__all__ = ["VICTIM", "Life", "Progress", "Row", "Torture", "Verdict", "VictimBroken", "planned"]

_HOMES = {"Life": "plan", "Row": "verdict", "Verdict": "verdict", "VictimBroken": "lives", "planned": "plan"}


def __getattr__(name: str) -> Any:
    # The victim, which lives in this package, starts hundreds of times in a run: it loads nothing of the run itself.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'run')}"), name)
