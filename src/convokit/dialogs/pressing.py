"""Presses of a dialog's own buttons: what their payloads are, and what they answer."""

from typing import Any

from attrs import evolve

from convokit.dialogs.dialog import Dialog
from convokit.dialogs.states import State
from convokit.events import ButtonPressed, Event
from convokit.expect import options_of


def press(dialog: str, state: str, label: str) -> str:
    """The payload of an answer's button: bound to its question, short whatever the label, the same on every run."""
    from hashlib import blake2b  # noqa: PLC0415  OpenSSL's hashes cost the start of every program 5 ms

    return "?" + blake2b(f"{dialog}\0{state}\0{label}".encode(), digest_size=9).hexdigest()


def own_press(dialog: Dialog[Any], state: State[Any], event: Event) -> Event:
    """A press of this question's own button reads as its label; one of another question reads as nothing."""
    if not isinstance(event, ButtonPressed) or not event.payload.startswith("?"):
        return event
    if event.payload == press(dialog.name, state.name, event.label):
        return event
    names = (state.name, *state.aliases)
    for one in options_of(state.expect):
        if any(event.payload == press(dialog.name, name, one) for name in names):
            return evolve(event, label=one)
    return evolve(event, label="")
