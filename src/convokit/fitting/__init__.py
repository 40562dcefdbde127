"""Any message as messages that a channel can show (`fit`), and back: what a typed answer presses (`resolve`)."""

from convokit.fitting._reading import alike, inside, resolve
from convokit.fitting._showing import Fitted, fit

__all__ = ["Fitted", "alike", "fit", "inside", "resolve"]
