"""Skills: ready-made abilities that a bot takes on in one line. They use public names only, as yours would.

`Prometheus` counts and times every step of a run, `OpenTelemetry` draws a trace of each event. Each is loaded when it
is first named, and the library that it stands on when one is made.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convokit.skills.opentelemetry import OpenTelemetry as OpenTelemetry
    from convokit.skills.prometheus import Prometheus as Prometheus

__all__ = ["OpenTelemetry", "Prometheus"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{name.lower()}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
