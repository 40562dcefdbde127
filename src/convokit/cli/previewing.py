"""`convokit preview`: how a message looks on each of a bot's channels, in the terminal and as a page."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from attrs import frozen
from wcwidth import wcswidth, wrap

from convokit import Bot, Button, Capabilities, DefinitionError, Link, Location, Message
from convokit.abc import Transport
from convokit.cli.naming import message_at
from convokit.cli.speaking import FINE, WRONG, coloured, say, say_styled
from convokit.fitting import fit
from convokit.messages import Action, Attachment, Card
from convokit.wire.codec import decode
from convokit.wire.text import for_terminal

WIDE = 44
"""How many columns a message has in the terminal."""
_NAME = re.compile(r"[\w./\\-]+:[A-Za-z_][\w.]*")


@frozen(kw_only=True)
class Look:
    """How a message looks on one channel.

    Args:
        channel: The channel's name.
        kind: The transport's class.
        messages: What is sent, in order.
        changes: What the channel cannot show as it is, and what it becomes.
        remarks: What the transport says besides, for each message.
        problem: Why it cannot be sent at all; empty: it can.
    """

    channel: str
    kind: str
    messages: tuple[Message, ...] = ()
    changes: tuple[str, ...] = ()
    remarks: tuple[tuple[str, ...], ...] = ()
    problem: str = ""


def preview(bot: Bot, said: str, *, page: str | None = None, channels: Sequence[str] = ()) -> int:
    """Print how a message looks on the bot's channels; with `page`, write it there as HTML too.

    Args:
        bot: Its transports are asked; nothing is opened, nothing is sent.
        said: A text; `module:attribute` of a `Message`; or `@file.json` with one. What looks like the second and whose
            module does not exist is a text.
        page: The file to write.
        channels: Only these; all when empty.

    Raises:
        DefinitionError: There is no such message or channel, the bot has no channels, or the page cannot be written.
    """
    message = message_named(said)
    looks = [look(bot.transports[name], message) for name in _wanted(bot, channels)]
    for number, one in enumerate(looks):
        if number:
            say()
        _print(one)
    if page is not None:
        from convokit.cli.preview_page import written  # noqa: PLC0415  only who wants the page

        try:
            Path(page).write_text(written(bot.name, looks), encoding="utf-8")
        except OSError as problem:
            raise DefinitionError(f"{page} cannot be written: {problem.strerror}") from None
        say(f"\nThe page is {page}")
    return WRONG if any(one.problem for one in looks) else FINE


def message_named(said: str) -> Message:
    """The message that an argument names.

    Raises:
        DefinitionError: It names none, or says nothing.
    """
    message = Message(said)
    if said.startswith("@"):
        try:
            message = decode(Message, Path(said[1:]).read_bytes())
        except OSError as problem:
            raise DefinitionError(f"{said[1:]} cannot be read: {problem.strerror}") from None
        except (msgspec.DecodeError, ValueError, TypeError) as problem:
            raise DefinitionError(f"{said[1:]} holds no message: {problem}") from None
    elif _NAME.fullmatch(said) and (found := message_at(said)) is not None:
        message = found
    if message.empty:
        raise DefinitionError("there is nothing to show: the message is empty")
    return message


def _wanted(bot: Bot, channels: Sequence[str]) -> Sequence[str]:
    if unknown := [one for one in channels if one not in bot.transports]:
        known = ", ".join(bot.transports) or "none"
        raise DefinitionError(f"no channel is attached as {unknown[0]!r}; attached: {known}")
    if not bot.transports:
        raise DefinitionError(f"bot {bot.name} has no channels: bot.attach(…) them, to see what they show")
    return channels or tuple(bot.transports)


def look(transport: Transport, message: Message) -> Look:
    """How a message looks on a transport's channel."""
    kind = type(transport).__name__
    try:
        fitted = fit(message, transport.capabilities).messages
    except DefinitionError as problem:
        return Look(channel=transport.channel, kind=kind, problem=str(problem))
    return Look(
        channel=transport.channel,
        kind=kind,
        messages=fitted,
        changes=tuple(_changes(message, fitted, transport.capabilities)),
        remarks=tuple(tuple(transport.remarks(one)) for one in fitted),
    )


def _changes(message: Message, fitted: Sequence[Message], can: Capabilities) -> Iterator[str]:
    """What the channel cannot show as it was meant."""
    if len(fitted) > 1:
        yield f"{len(fitted)} messages"
    shown = [one for part in fitted for one in (*part.buttons, *(one for card in part.cards for one in card.buttons))]
    meant = [*message.buttons, *(one for card in message.cards for one in card.buttons)]
    buttons = [one for one in meant if isinstance(one, Button)]
    if buttons and not any(isinstance(one, Button) for one in shown):
        yield "buttons as numbered options"
    if any(isinstance(one, Link) for one in meant) and not any(isinstance(one, Link) for one in shown):
        yield "links written out"
    kept, kinds = {label_of(one) for one in shown}, {type(one) for one in shown}
    if cut := [label_of(one) for one in meant if type(one) in kinds and label_of(one) not in kept]:
        yield f"labels cut: {', '.join(cut)}"
    lost = {one.kind for one in message.attachments} - {one.kind for part in fitted for one in part.attachments}
    if lost:
        yield f"as links or words: {', '.join(sorted(lost))}"
    if message.cards and not any(part.cards for part in fitted):
        yield "cards as pictures and text"
    if message.location is not None and not can.location:
        yield "the place as a link to a map"


# ── the terminal ────────────────────────────────────────────────────────────────────────────────────────────────────


def _print(one: Look) -> None:
    say_styled(f"{coloured('strong', one.channel)} {coloured('dim', one.kind)}")
    if one.problem:
        say_styled(coloured("bad", f"cannot be sent: {one.problem}"))
        return
    for number, message in enumerate(one.messages):
        for line in boxed(message):
            say_styled(line)
        for remark in one.remarks[number]:
            say_styled(coloured("dim", f"  {remark}"))
    if one.changes:
        say_styled(coloured("dim", f"  {'; '.join(one.changes)}"))


def boxed(message: Message) -> Iterator[str]:
    """A message as lines in a frame, each harmless to the terminal and no wider than `WIDE` and the frame."""
    yield f"╭{'─' * (WIDE + 2)}╮"
    for line in _lines(message):
        for part in wrap(for_terminal(line), WIDE) or [""]:
            yield f"│ {part}{' ' * max(WIDE - wcswidth(part), 0)} │"
    yield f"╰{'─' * (WIDE + 2)}╯"


def _lines(message: Message) -> Iterator[str]:
    if message.text:
        yield from message.text.splitlines()
    for attachment in message.attachments:
        yield _attachment(attachment)
    for number, card in enumerate(message.cards):
        if number:
            yield "┄" * WIDE
        yield from _card(card)
    if message.location is not None:
        yield place(message.location)
    for action in message.buttons:
        yield f"[ {label_of(action)}{' ↗' if isinstance(action, Link) else ''} ]"


def _card(card: Card) -> Iterator[str]:
    if card.image is not None:
        yield _attachment(card.image)
    yield card.title
    if card.subtitle:
        yield from card.subtitle.splitlines()
    for action in card.buttons:
        yield f"[ {label_of(action)}{' ↗' if isinstance(action, Link) else ''} ]"


def _attachment(one: Attachment) -> str:
    return f"[{one.kind}] {one.alt or one.name or one.url or one.media_type or one.kind}"


def label_of(action: Action) -> str:
    """What stands on it."""
    return action.label if isinstance(action, Button | Link) else ""


def place(location: Location) -> str:
    """A place on one line."""
    return f"📍 {location.title} {location.latitude:.5f}, {location.longitude:.5f}".replace("  ", " ")
