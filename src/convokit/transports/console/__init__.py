"""A chat in the terminal: one bot, as many customers as you name, and the desk."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

import anyio

from convokit.abc import Accept, Transport
from convokit.conversations import ConversationId, Entry
from convokit.errors import StoreUnavailable
from convokit.events import ConversationOpened, MessageReceived
from convokit.messages import Capabilities, Limit, Message
from convokit.people import User
from convokit.transports.console.backstage import Backstage
from convokit.transports.console.operating import Operating, line_of
from convokit.transports.console.terminal import Screen, Terminal
from convokit.transports.console.words import Look, in_words, one_line
from convokit.wire.text import for_terminal, scrub

__all__ = ["Backstage", "Console", "Screen"]

HELP = """\
/as NAME      be another customer; each has a conversation of their own
/open REF     come in by a link or QR code that carries REF
/operator     play the desk: answer customers who wait for a person
/customer     be the customer again
/quit         leave (so do Ctrl-D and Ctrl-C); the conversations stay
//word        say "/word" to the bot where /word is one of these"""

PATIENCE = 0.5
"""Seconds that the next prompt waits for the answers; later ones are shown above it."""


class Console(Transport):
    """A chat in the terminal.

    Every name taken by `/as NAME` is a customer with a conversation of their own. Buttons become numbered options,
    links and pictures are written out. What people and operators say is shown harmless to the terminal.

    Args:
        channel: The name under which it is attached.
        person: Who speaks at first.
        screen: In place of the process's standard input and output.
        backstage: The run behind the chat; without it there is no desk, no history, and what is piped in is not
            answered line by line.
    """

    capabilities = Capabilities(text_limit=Limit(65536))

    def __init__(
        self,
        *,
        channel: str = "console",
        person: str = "you",
        screen: Screen | None = None,
        backstage: Backstage | None = None,
    ) -> None:
        self.channel = channel
        self._me = _user(person)
        self._names = {self._me.id: self._me.name}
        self._given = screen
        self._backstage = backstage
        self._open = AsyncExitStack()
        self._screen: Screen | None = None
        self._look = Look()
        self._operating: Operating | None = None
        self._at_desk = False
        self._shown = 0
        self._told_of: set[ConversationId] = set()
        self._over: anyio.Event | None = None

    def __repr__(self) -> str:
        return f"Console(channel={self.channel!r})"

    async def __aenter__(self) -> Self:
        """Take the terminal."""
        if self._given is None:
            terminal = await self._open.enter_async_context(Terminal())
            self._screen, self._look = terminal, Look(terminal.colours)
        else:
            self._screen, self._look = self._given, Look(self._given.colours)
        self._over = anyio.Event()
        self._at_desk = False
        if self._backstage is not None:
            self._operating = Operating(
                backstage=self._backstage, look=self._look, write=self._write, name_of=self._name_of
            )
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Give the terminal back as it was."""
        self._screen = None
        await self._open.aclose()

    async def over(self) -> None:
        """Return when whoever types has left: /quit, or the end of the input."""
        if self._over is not None:
            await self._over.wait()

    # ── out ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, to: ConversationId, message: Message) -> str | None:
        """Show what the bot or an operator says; to others than the current person with their name."""
        self._shown += 1
        present = to == self._mine and not self._at_desk
        self._write(self._look.said("bot", "bot" if present else f"→ {self._name_of(to)}", in_words(message)))
        return None

    def note(self, text: str, *, problem: bool = False) -> None:
        """Show a line that nobody said: a hint, or what went wrong."""
        self._shown += problem
        self._write(self._look.problem(text) if problem else self._look.hint(text))

    def _write(self, text: str) -> None:
        if self._screen is None:
            return
        try:
            self._screen.write(text)
        except BrokenPipeError:
            if self._over is not None:
                self._over.set()

    # ── in ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, accept: Accept) -> None:
        """Read lines until there are no more."""
        try:
            await self._arrives()
            while (line := await self._next()) != "/quit":
                shown, spoke = self._shown, False
                try:
                    spoke = await self._types(line, accept)
                except StoreUnavailable as problem:
                    self.note(f"That was not kept, say it again: {problem}", problem=True)
                if await self._settles() and spoke and shown == self._shown:
                    at_desk = self._backstage is not None and self._mine in self._backstage.cases
                    self.note("(The person at the desk has it.)" if at_desk else "(No answer so far.)")
        except EOFError:
            await self._settles()
        finally:
            if self._over is not None:
                self._over.set()

    async def _next(self) -> str:
        if self._screen is None:
            raise EOFError
        desk = self._operating
        prompt = desk.prompt if self._at_desk and desk else self._look.prompt("customer", self._me.name)
        line = scrub(await self._screen.read(prompt)).strip()
        if not self._screen.interactive:
            self._write(f"{prompt}{for_terminal(line)}\n")
        return line

    async def _types(self, line: str, accept: Accept) -> bool:
        """Do what was typed. Returns whether a customer said something."""
        word, _, rest = line.partition(" ")
        rest = " ".join(rest.split())
        match word:
            case "":
                pass
            case "/help":
                self.note(HELP)
            case "/as" if rest:
                self._me = _user(rest)
                self._names[self._me.id] = self._me.name
                self._at_desk = False
                await self._arrives()
            case "/as":
                self.note(f"You are {one_line(self._me.name)}. Be somebody else: /as NAME")
            case "/customer":
                self._at_desk = False
            case "/operator":
                self._to_the_desk(rest)
            case _ if self._at_desk and self._operating is not None:
                await self._operating.types(line)
            case "/open":
                await accept([ConversationOpened(**self._happening(), ref=rest, source="console")])
                return True
            case _:
                await accept([MessageReceived(**self._happening(), text=line[line.startswith("//") :])])
                return True
        return False

    def _to_the_desk(self, name: str) -> None:
        if self._operating is None:
            self.note("There is no desk here: `convokit chat` and `convokit demo` have one.")
            return
        self._at_desk = True
        self._operating.arrives(name)

    def _happening(self) -> dict[str, Any]:
        return {"id": uuid4().hex, "conversation": self._mine, "at": datetime.now(UTC), "user": self._me}

    # ── between two lines ───────────────────────────────────────────────────────────────────────────────────────────

    async def _arrives(self) -> None:
        """Show a person what was said before."""
        if self._backstage is None:
            return
        earlier: Sequence[Entry] = await self._backstage.earlier(self._mine)
        if earlier:
            self.note("Earlier:")
            plain = Look()
            for entry in earlier:
                self.note(line_of(entry, self._me.name, plain).rstrip("\n"))
            self.note("")
        self._tells_of_desk()

    async def _settles(self) -> bool:
        """Let the answers come before the next prompt; piped lines wait for all of them. Whether all are there."""
        if self._backstage is None or self._screen is None:
            return False
        with anyio.move_on_after(PATIENCE if self._screen.interactive else None) as limit:
            await self._backstage.settled()
        if self._at_desk and self._operating is not None:
            self._operating.refresh()
        else:
            self._tells_of_desk()
        return not limit.cancelled_caught

    def _tells_of_desk(self) -> None:
        cases = self._backstage.cases if self._backstage is not None else {}
        self._told_of &= cases.keys()
        if self._mine in cases and self._mine not in self._told_of:
            self._told_of.add(self._mine)
            self.note("(A person has this conversation now, the bot is silent. /operator: be that person.)")

    @property
    def _mine(self) -> ConversationId:
        return ConversationId(self.channel, self._me.id)

    def _name_of(self, conversation: ConversationId) -> str:
        return one_line(self._names.get(conversation.id, conversation.id))


def _user(name: str) -> User:
    return User(id=name.casefold(), name=name)
