"""The seam to a provider of text messages: what it tells, and what it is asked to send.

A provider is one file of about a hundred lines: it verifies and reads what comes in, and sends. What a text message
means (STOP, a ref, a receipt) is the transport's business.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

from attrs import field, frozen

from convokit._value import Value
from convokit.abc import Finding, Proof, Request
from convokit.errors import DefinitionError
from convokit.messages import Attachment
from convokit.wire.http import Client

Meant = Literal["", "stop", "start", "help"]
State = Literal["accepted", "delivered", "read", "failed"]
SenderKind = Literal["number", "short code", "name", "pool"]

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_SHORT = re.compile(r"[0-9]{3,8}", re.ASCII)
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &_+-]{1,11}", re.ASCII)
_WRITES = re.compile(r"\+?[0-9]{3,15}", re.ASCII)


@frozen(kw_only=True, eq=False, repr=False)
class Incoming(Value):
    """A customer's message.

    Args:
        id: The provider's id of it, the same whenever it is told again.
        number: The customer's number: "+" and digits, or a short code.
        text: What they wrote.
        attachments: What came with it.
        at: When, where the provider signs that; None: now.
        meant: "stop", "start" or "help" when the provider took it for one; empty: it does not tell.
        answered: Whether the provider itself answers it when it means one of these.
        context: What else it tells, as JSON values.
    """

    id: str
    number: str
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    at: datetime | None = None
    meant: Meant = ""
    answered: bool = False
    context: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, eq=False, repr=False)
class Status(Value):
    """What became of a message of ours.

    Args:
        id: The provider's id of it, as `send` returned it.
        number: The customer's number.
        state: What became of it; "accepted" says only that the provider has it.
        key: The key that `send` was given, where the provider gives it back.
        reason: Why it failed, in words.
        stopped: Whether it failed because the customer has forbidden messages at the provider.
        at: When, where the provider signs that; None: now.
    """

    id: str
    number: str
    state: State
    key: str = ""
    reason: str = ""
    stopped: bool = False
    at: datetime | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Other(Value):
    """Something that the provider's file does not know: kept as `UnknownReceived`.

    Args:
        id: The provider's id of it.
        number: The number that it is about.
        kind: The provider's word for it.
        raw: All of it, as JSON values.
        at: When, where the provider signs that; None: now.
    """

    id: str
    number: str
    kind: str
    raw: Mapping[str, Any]
    at: datetime | None = None


Told = Incoming | Status | Other


@frozen(kw_only=True, eq=False, repr=False)
class Heard(Value):
    """What one call of the provider's told, and what it is answered.

    Args:
        told: What it told, in order.
        body: The answer's body.
        media_type: The answer's content type.
    """

    told: tuple[Told, ...] = ()
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"


class SmsProvider(ABC):
    """Who carries text messages. Give `Sms` one: `Sms(Twilio.from_env())`."""

    sender: str = ""
    """Who writes: a number ("+4915…"), a short code ("12345") or a name ("PIZZERIA"); empty: one of a pool."""
    api_url: str = ""
    """The API's address."""
    one_way: bool = False
    """Whether it is meant that nobody can answer: for senders that are names."""
    methods: frozenset[str] = frozenset({"POST"})
    """The HTTP methods by which it calls."""
    proof: Proof = Proof.NONE
    """What it offers against sending twice; with `Proof.EVIDENCE` it gives the key of `send` back in a `Status`."""
    signs_time: bool = False
    """Whether it signs the `at` of what it tells."""
    pictures: bool = False
    """Whether it carries pictures and files (MMS), which it fetches from their addresses."""
    most_pictures: ClassVar[int] = 10
    """How many of them one message can hold."""

    @abstractmethod
    def check(self, channel: str) -> None:
        """Look at the settings; no I/O. `check_sender` looks at the sender.

        Raises:
            DefinitionError: One is missing or wrong; the message names it and the way out.
        """

    @abstractmethod
    def hear(self, channel: str, request: Request) -> Heard:
        """Verify and read one call. Pure. Verification comes first, over the raw bytes.

        Raises:
            Forged: Its origin could not be verified.
            Malformed: It cannot be read.
        """

    @abstractmethod
    async def send(
        self, channel: str, client: Client, to: str, text: str, *, pictures: Sequence[str] = (), key: str = ""
    ) -> str | None:
        """Send one message.

        Args:
            channel: What errors name.
            client: Bound to `api_url`, open.
            to: The customer's number, as it came in.
            text: At most 1600 UTF-16 units; may be empty where there are pictures.
            pictures: Addresses; only where `pictures` says so.
            key: The outbox's key, the same at every try; empty where there is none.

        Returns:
            The provider's id of it.

        Raises:
            Unreachable: No answer, or none that tells what became of it.
            RateLimited: The provider wants a pause.
            Rejected: Refused for good.
        """

    def where(self, channel: str) -> tuple[Collection[str], Mapping[str, str]]:
        """From which hosts attachments that came in are downloaded, and with which headers."""
        del channel
        return (), {}

    async def examine(self, channel: str, client: Client) -> Sequence[Finding]:
        """What `convokit doctor` reports."""
        del channel, client
        return ()


def kind_of_sender(sender: str) -> SenderKind | None:
    """What a sender is; None: it can be none."""
    if not sender:
        return "pool"
    if _NUMBER.fullmatch(sender):
        return "number"
    if _SHORT.fullmatch(sender):
        return "short code"
    return "name" if _NAME.fullmatch(sender) else None


def is_number(given: str) -> bool:
    """Whether something that came in is the number of somebody who can be written to."""
    return _WRITES.fullmatch(given) is not None


def check_sender(channel: str, provider: SmsProvider, setting: str) -> None:
    """Look at a provider's sender.

    Raises:
        DefinitionError: It can be none; or it is a name, to which nobody can answer, and that is not what was meant.
    """
    kind = kind_of_sender(provider.sender)
    if kind is None:
        raise DefinitionError(
            f'{channel}: {setting} is a number ("+4915112345678"), a short code ("12345") or a name of at most 11 '
            f'letters and digits ("PIZZERIA"), not {provider.sender!r:.40}'
        )
    if kind == "name" and not provider.one_way:
        raise DefinitionError(
            f"{channel}: {setting} is the name {provider.sender!r}: customers cannot answer a name, so nothing that "
            "they write, STOP included, ever comes here. Take a number or a short code; or say one_way=True if the "
            "channel only ever tells, and name in each message another way to stop it"
        )
