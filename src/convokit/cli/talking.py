"""`convokit chat` and `convokit demo --terminal`: a bot in the terminal, with the desk beside it."""

import logging
from collections.abc import Sequence
from pathlib import Path

import anyio
from attrs import evolve

from convokit import Bot, ConversationId, Engine, Entry
from convokit.abc import Store
from convokit.cli.speaking import FINE, log_to, say
from convokit.desks import Local
from convokit.stores import SQLite
from convokit.transports import Console

EARLIER = 6
"""How many lines of a conversation are shown again when it goes on."""

CHAT = """\
{name}, in the terminal. What is said is kept in {file}.
/help lists what you can type here; /quit leaves.
"""

DEMO = """\
This is a pizzeria's bot on your own machine. It keeps what is said in {file}.

Try this:
  pizza        order one; answer "large", or just "2"
  help         ask for a person, then type /operator to be that person
  Ctrl-C       leave in the middle of an order; start `convokit demo --terminal` again and it goes on
  /help        what else you can type here

The program behind it is {program}
"""


class Backstage(Local):
    """The desk beside the chat, and what the chat may see of its run."""

    def __init__(self) -> None:
        super().__init__()
        self._engine: Engine | None = None
        self._started = anyio.Event()

    def begins(self, engine: Engine) -> None:
        """From now on there is a run."""
        self._engine = engine
        self._started.set()

    async def _running(self) -> Engine:
        while self._engine is None:
            await self._started.wait()
        return self._engine

    async def settled(self) -> None:
        """Return when nothing is left to do now."""
        await (await self._running()).quiet()

    async def earlier(self, conversation: ConversationId) -> Sequence[Entry]:
        """The last lines of a conversation. A handoff that stands there comes to this desk: it forgot it, being new."""
        store = (await self._running()).store
        entries = await store.history(conversation, 1000)
        kept = await store.load(conversation)
        if kept is not None and kept.handoff is not None and conversation not in self.cases:
            await self.offer(kept, kept.handoff, entries)
        return entries[-EARLIER:]


class ChatLog(logging.Handler):
    """Shows in the chat what went wrong behind it: the error and its line; with `trace` all of it."""

    def __init__(self, console: Console, *, trace: bool) -> None:
        super().__init__(logging.WARNING)
        self._console = console
        self._trace = trace

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            problem = record.exc_info[1]
            text += f"\n{type(problem).__name__}: {problem}{_line_of(problem)}"
            if self._trace:
                text = self.format(record)
        self._console.note(text, problem=True)


def _line_of(problem: BaseException) -> str:
    trace = problem.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}; --debug shows the way there)"


def chat(bot: Bot, store: Store | str, *, greeting: str, debug: bool) -> int:
    """Talk with a bot in the terminal until whoever types leaves.

    Raises:
        DefinitionError: The bot's code is wrong.
        StoreError: The store cannot be opened.
    """
    return anyio.run(_chat, bot, store, greeting, debug)


async def _chat(bot: Bot, store: Store | str, greeting: str, debug: bool) -> int:
    backstage = Backstage()
    console = Console(backstage=backstage)
    shown = ChatLog(console, trace=debug)
    log_to(shown, logging.WARNING)
    try:
        # Lines that are piped in come faster than anybody types, and are no program's that must be guarded from.
        settings = evolve(bot.settings, answers_a_minute=1_000_000)
        run = bot.serve(store, transports={console.channel: console}, desk=backstage, settings=settings)
        async with run as engine:
            say(greeting)
            backstage.begins(engine)
            await console.over()
    finally:
        logging.getLogger().removeHandler(shown)
    return FINE


def demo(folder: str, *, debug: bool) -> int:
    """Talk with the pizzeria. Raises as `chat`."""
    from convokit.cli import pizzeria  # noqa: PLC0415  only the demo loads a bot

    file = Path(folder) / "pizzeria.db"
    greeting = DEMO.format(file=file, program=pizzeria.__file__)
    return chat(pizzeria.bot, SQLite(file), greeting=greeting, debug=debug)


def chat_with(bot: Bot, store: str | None, *, debug: bool) -> int:
    """Talk with a bot, on a store of its own unless one is named. Raises as `chat`."""
    file = Path(f"{bot.name}-chat.db")
    greeting = CHAT.format(name=bot.name, file="memory, and lost at the end" if store == "memory:" else store or file)
    return chat(bot, store or SQLite(file), greeting=greeting, debug=debug)
