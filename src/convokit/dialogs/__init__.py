"""Dialogs: tables of states, compiled to a `transitions` machine at start, and the steps through them."""

from convokit.dialogs.dialog import Dialog
from convokit.dialogs.forms import Asked, Form, ask
from convokit.dialogs.states import END, Call, State, call
from convokit.dialogs.stepping import Steps
from convokit.dialogs.walking import Around
from convokit.dialogs.words import Vocabulary

__all__ = ["END", "Around", "Asked", "Call", "Dialog", "Form", "State", "Steps", "Vocabulary", "ask", "call"]
