"""The desk in the terminal: who waits, taking a conversation, speaking in it, giving it back."""

from collections.abc import Callable

from convokit.conversations import ConversationId, Entry
from convokit.people import User
from convokit.transports.console.backstage import Backstage, Waiting
from convokit.transports.console.words import Look, in_words, one_line

_STYLE_OF = {"user": "customer", "bot": "bot", "operator": "operator", "system": "system"}


class Operating:
    """One operator at the terminal.

    Args:
        backstage: The desk.
        look: How things look.
        write: Shows lines.
        name_of: What a conversation's customer is called here.
    """

    def __init__(
        self,
        *,
        backstage: Backstage,
        look: Look,
        write: Callable[[str], None],
        name_of: Callable[[ConversationId], str],
    ) -> None:
        self._backstage = backstage
        self._look = look
        self._write = write
        self._name_of = name_of
        self._operator = User(id="operator", name="operator")
        self._taken: ConversationId | None = None
        self._shown: dict[ConversationId, int] = {}

    @property
    def prompt(self) -> str:
        """What stands before what is typed."""
        if self._taken is None:
            return self._look.prompt("operator", "desk")
        return self._look.prompt("operator", f"{one_line(self._operator.name)} → {self._name_of(self._taken)}")

    @property
    def waiting(self) -> list[Waiting]:
        """The conversations at the desk."""
        return list(self._backstage.cases.values())

    def arrives(self, name: str) -> None:
        """Sit down at the desk, under a name."""
        if name and name.casefold() != self._operator.id:
            self._operator = User(id=name.casefold(), name=name)
            self._taken = None
        self._write(self._look.hint(f"You are {one_line(self._operator.name)}, at the desk. /customer goes back."))
        if self._taken is None:
            self._list()

    async def types(self, line: str) -> None:
        """Do what an operator typed. Raises `StoreUnavailable`."""
        if self._taken is None:
            await self._takes(line.removeprefix("/take").strip())
        elif line == "/close":
            gone, self._taken = self._taken, None
            await self._backstage.close(gone, self._operator)
            self._write(
                self._look.hint(f"The bot has {self._name_of(gone)} again. /customer goes back to talking to it.")
            )
        elif line.startswith("/"):
            self._write(self._look.hint("At the desk there are /close, /customer, /as NAME, /help and /quit."))
        else:
            await self._backstage.reply(self._taken, self._operator, line)

    def refresh(self) -> None:
        """Show what the customer said since."""
        if self._taken is None:
            return
        case = self._backstage.cases.get(self._taken)
        if case is None:
            self._write(self._look.hint(f"{self._name_of(self._taken)} is not at the desk any more."))
            self._taken = None
            return
        already = self._shown.get(case.conversation, 0)
        for message in case.heard[already:]:
            self._write(self._look.said("customer", self._name_of(case.conversation), in_words(message)))
        self._shown[case.conversation] = len(case.heard)

    async def _takes(self, number: str) -> None:
        cases = self.waiting
        if not number.isdecimal() or not 1 <= int(number) <= len(cases):
            self._list()
            return
        case = cases[int(number) - 1]
        self._taken = case.conversation
        self._shown[case.conversation] = 0
        await self._backstage.join(case.conversation, self._operator)
        for entry in case.transcript:
            self._write(line_of(entry, self._name_of(case.conversation), self._look))
        self._write(
            self._look.hint(f"You have {self._name_of(case.conversation)}: write to them. /close gives them back.")
        )

    def _list(self) -> None:
        cases = self.waiting
        if not cases:
            self._write(self._look.hint("Nobody waits for a person."))
        for number, case in enumerate(cases, 1):
            about = one_line(case.handoff.reason)
            self._write(
                f"{number}) {self._look.styled('customer', self._name_of(case.conversation))}: {_safe(about)}\n"
            )
        if cases:
            self._write(self._look.hint("Type a number to take a conversation."))


def line_of(entry: Entry, customer: str, look: Look) -> str:
    """A line of a conversation's history."""
    name = {"user": customer, "bot": "bot"}.get(entry.author) or entry.name or entry.author
    return look.said(_STYLE_OF[entry.author], name, in_words(entry.message))


def _safe(text: str) -> str:
    return Look().styled("hint", text)
