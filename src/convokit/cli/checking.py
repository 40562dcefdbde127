"""`convokit check`: what is likely to go wrong with a bot's dialogs and routes, found without running it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from attrs import frozen

from convokit import Bot
from convokit.abc import Transport
from convokit.cli.speaking import FINE, WRONG, coloured, say, say_styled
from convokit.dialogs import END, Dialog, Form, State
from convokit.dialogs.forms import REVIEW
from convokit.errors import DefinitionError
from convokit.expect import options_of
from convokit.messages import Button, Message
from convokit.wire.text import fold, for_terminal

Level = Literal["error", "warning"]

CODES: Mapping[str, tuple[Level, str]] = MappingProxyType(
    {
        "C100": ("error", "the definition is wrong: the bot would not start"),
        "C101": ("error", "a state that no way leads to"),
        "C102": ("error", "a state from which no way leads to the end"),
        "C103": ("warning", "an answer is waited for for ever"),
        "C104": ("warning", "no way to a person"),
        "C105": ("warning", "a text that is longer than a channel shows in one message"),
        "C106": ("warning", "more buttons than a channel shows"),
        "C107": ("warning", "a label that a channel cuts"),
        "C108": ("warning", "an answer that reads like one of the things that can be said to any dialog"),
        "C109": ("warning", "a placeholder that nothing fills"),
        "C110": ("warning", "a number of tries after which nothing is said to happen"),
        "C111": ("warning", "a question whose skipping ends the dialog in silence"),
    }
)
"""Every code, how grave it is, and what it says in general; the page *Checks* explains each."""

SPEECH = ("en", "tr", "hi", "he", "ar", "es", "de", "fr")
_PLACEHOLDER = re.compile(r"\{[A-Za-z_][\w.]*\}|%\([a-z_]+\)s|\$\{\w+\}")


@frozen(kw_only=True)
class Remark:
    """One thing that was found: its code, where it is, and what to do."""

    code: str
    where: str
    said: str

    @property
    def level(self) -> Level:
        """How grave it is."""
        return CODES[self.code][0]


def check(bot: Bot, *, ignore: Sequence[str], strict: bool, as_json: bool) -> int:
    """Print what was found; whether there is an error, or with `strict` anything at all.

    Raises:
        DefinitionError: `ignore` names a code that there is not.
    """
    if unknown := sorted(set(ignore) - set(CODES)):
        raise DefinitionError(f"--ignore {' '.join(unknown)}: the codes are {', '.join(CODES)}")
    found = [one for one in remarks(bot) if one.code not in ignore]
    if as_json:
        say(json.dumps([{"code": one.code, "level": one.level, "where": one.where, "said": one.said} for one in found]))
    else:
        for one in found:
            mark = coloured("bad" if one.level == "error" else "strong", f"{one.code} {one.level:7}")
            say_styled(f"{mark}  {for_terminal(one.said)}")
            say_styled(f"               {coloured('dim', for_terminal(one.where))}")
        errors = sum(one.level == "error" for one in found)
        say(f"{_many(errors, 'error')}, {_many(len(found) - errors, 'warning')}")
    return WRONG if any(strict or one.level == "error" for one in found) else FINE


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def remarks(bot: Bot) -> list[Remark]:
    """Everything that is likely to go wrong with a bot, in the order of its dialogs."""
    try:
        dialogs = bot.table().every_dialog
    except DefinitionError as problem:
        return [Remark(code="C100", where=bot.name, said=str(problem))]
    found: list[Remark] = []
    for dialog in dialogs:
        found += _ways(dialog, dialogs)
        found += _answers(dialog, bot)
        for transport in bot.transports.values():
            found += _on_channel(dialog, transport)
    if bot.desk is None:
        said = 'nobody can take a conversation: Bot("name", desk=Inbox()), or say it to customers otherwise'
        found.append(Remark(code="C104", where=bot.name, said=said))
    return found


def _ways(dialog: Dialog[Any], dialogs: Sequence[Dialog[Any]]) -> Iterator[Remark]:
    first = next(iter(dialog.states))
    ahead = _closure({first}, {name: set(one.to) for name, one in dialog.states.items()})
    back: dict[str, set[str]] = {}
    for name, one in dialog.states.items():
        for goal in one.to:
            back.setdefault(goal, set()).add(name)
    ends = _closure({END}, back)
    for name, one in dialog.states.items():
        what = f"{dialog.name}.{name}"
        if name not in ahead:
            yield Remark(code="C101", where=one.where, said=f"{what}: no state names it in to=[…]: no way leads there")
        if name not in ends:
            yield Remark(code="C102", where=one.where, said=f"{what}: no way leads from it to the end: name END")
        if one.skip == END and "on_end" not in dialog.hooks:
            said = (
                f"{what}: who skips it hears nothing more: skip= a state that says something, or @{dialog.name}.on_end"
            )
            yield Remark(code="C111", where=one.where, said=said)
        if not _ends_waiting(dialog, one) and not _callers_end_waiting(dialog, dialogs):
            yield Remark(code="C103", where=one.where, said=f"{what}: no timeout=: an answer is waited for for ever")


def _ends_waiting(dialog: Dialog[Any], state: State[Any]) -> bool:
    return state.timeout is not None or dialog.timeout is not None


def _callers_end_waiting(dialog: Dialog[Any], dialogs: Sequence[Dialog[Any]]) -> bool:
    """Whether it is called, and wherever that is a timeout holds: it waits as its caller does."""
    callers = [(one, state) for one in dialogs for state in one.states.values() if dialog in state.calls]
    return bool(callers) and all(_ends_waiting(one, state) for one, state in callers)


def _closure(start: set[str], ways: Mapping[str, set[str]]) -> set[str]:
    found, left = set(start), list(start)
    while left:
        for goal in ways.get(left.pop(), set()) - found:
            found.add(goal)
            left.append(goal)
    return found


def _answers(dialog: Dialog[Any], bot: Bot) -> Iterator[Remark]:
    for name, one in dialog.states.items():
        what = f"{dialog.name}.{name}"
        for text in _texts(one):
            for hole in _PLACEHOLDER.findall(text):
                said = f"{what}: {hole} is sent as it stands: make the question a function of (turn, memory)"
                yield Remark(code="C109", where=one.where, said=said)
        for label in options_of(one.expect):
            heard = bot.words.heard(label, SPEECH)
            if isinstance(dialog, Form) and name == REVIEW:
                continue  # its "Change something" does what the verb does
            if heard is not None and heard.verb not in one.without | dialog.without:
                said = f'{what}: "{label}" also means "{heard.verb}" to any dialog: here it is the answer'
                yield Remark(
                    code="C108", where=one.where, said=f"{said}; switch the verb off, without=[{heard.verb!r}]"
                )
        if one.tries is not None and not one.exhausted and bot.desk is None:
            said = f"{what}: after {one.tries} unclear answers the dialog is cancelled: name a goal, exhausted="
            yield Remark(code="C110", where=one.where, said=said)
        if "person" in one.without | dialog.without and bot.desk is not None:
            said = f'{what}: "a person" is switched off: the customer cannot leave the program'
            yield Remark(code="C104", where=one.where, said=said)


def _texts(state: State[Any]) -> Iterator[str]:
    for said in (state.ask, state.retry, state.help):
        if isinstance(said, str | Message):
            yield said if isinstance(said, str) else said.text


def _on_channel(dialog: Dialog[Any], transport: Transport) -> Iterator[Remark]:
    can, channel = transport.capabilities, transport.channel
    for name, one in dialog.states.items():
        what = f"{dialog.name}.{name}"
        for text in _texts(one):
            if not can.text_limit.holds(text):
                said = f"{what}: {channel} shows {can.text_limit.n} {can.text_limit.unit} in one message: it is split"
                yield Remark(code="C105", where=one.where, said=said)
        own = (
            [each.label for each in one.ask.buttons if isinstance(each, Button)] if isinstance(one.ask, Message) else []
        )
        labels = [*options_of(one.expect), *own]
        if can.buttons and len(labels) > can.buttons:
            said = f"{what}: {len(labels)} buttons, and {channel} shows {can.buttons}: the options are numbered instead"
            yield Remark(code="C106", where=one.where, said=said)
        for label in labels:
            if can.buttons and not can.button_label.holds(label):
                limit = f"{can.button_label.n} {can.button_label.unit}"
                said = f'{what}: {channel} cuts "{label}" after {limit}: two that begin alike look the same'
                yield Remark(code="C107", where=one.where, said=said)
        if len({fold(label) for label in labels}) < len(labels):
            said = f"{what}: two buttons read the same when typed"
            yield Remark(code="C108", where=one.where, said=said)
