"""Refs: what a link, a QR code or an ad carries to `ConversationOpened`; signed where they mean something."""

import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

from convokit.conversations import Conversation
from convokit.errors import DefinitionError
from convokit.events import ConversationOpened, Event
from convokit.filters import Filter, where
from convokit.turn import Turn
from convokit.wire.signing import Secret, hmac_sha256, same

SHORTEST_SECRET = 16
"""How many bytes the secret of signed refs has at least."""
LONGEST_VALUE = 23
"""How many characters the value of a signed ref may have, so that it fits into a ref."""

_VALUE = re.compile(r"[A-Za-z0-9_]{1,23}", re.ASCII)
_SIGNED = re.compile(r"([A-Za-z0-9_]{1,23})-([12])([\w-]{6})((?:[\w-]{11})?)([\w-]{22})", re.ASCII)
_MARK = b"convokit.ref.1\0"
_ONCE = "1"


class SignedRefs:
    """Refs that mean something, such as a voucher: they cannot be guessed, changed, or used later than they should.

    A plain ref is a hint: anybody can write another one into the address. A signed one carries its value, until when
    it counts, on which channel, and whether it counts once.

    ```python
    vouchers = SignedRefs(Secret.from_env("VOUCHER_SECRET"))
    way = bot.link(vouchers.sign("ten_percent", until=christmas, once=True))


    @bot.opened(vouchers.genuine)
    async def voucher(turn: Turn) -> None:
        value = await vouchers.take(turn)
        turn.reply("Ten percent off!" if value else "This voucher was used already, or is over.")
    ```

    Args:
        secret: At least 16 bytes.
    """

    def __init__(self, secret: Secret | str) -> None:
        self._secret = secret if isinstance(secret, Secret) else Secret(secret, "the secret of signed refs")

    def __repr__(self) -> str:
        return "SignedRefs(***)"

    def sign(
        self,
        value: str,
        *,
        until: datetime | timedelta,
        channel: str = "",
        once: bool = False,
        now: datetime | None = None,
    ) -> str:
        """A ref that carries `value`.

        Args:
            value: 1 to 23 letters, digits and "_". It can be read by everybody, and changed by nobody.
            until: From when on it counts no more (aware), or how long it counts; by the minute, at most until 2100.
            channel: The only channel on which it counts; empty: on all.
            once: Whether it counts for one person only, the first who comes with it.
            now: The time; the machine's when left out.

        Raises:
            DefinitionError: The secret is missing or too short.
            ValueError: `value` or `until` cannot be carried.
        """
        if not _VALUE.fullmatch(value):
            raise ValueError(
                f"a signed ref carries 1 to {LONGEST_VALUE} letters, digits and '_', not {value!r:.60}: keep what is "
                "longer yourself, and sign its number"
            )
        end = (now or datetime.now(UTC)) + until if isinstance(until, timedelta) else until
        if end.tzinfo is None:
            raise ValueError(f"until is an aware datetime, or a timedelta, not {until!r:.60}")
        minutes = int(end.timestamp() // 60)
        if not 0 < minutes < 1 << 32:
            raise ValueError(f"until is a time between 1970 and 2100, not {until!r:.60}")
        nonce = _b64(os.urandom(8)) if once else ""
        body = f"{value}-{_ONCE if once else '2'}{_b64(minutes.to_bytes(4, 'big'))}{nonce}"
        return body + self._mac(body, channel)

    def value(self, ref: str, *, channel: str, now: datetime) -> str | None:
        """The value that a ref carries; None when it is not genuine, not for this channel, or over."""
        found = self._read(ref, channel)
        if found is None:
            return None
        return found[1] if now < _end(found) else None

    def _read(self, ref: str, channel: str) -> re.Match[str] | None:
        """The parts of a ref that was signed with this secret, for this channel or for all."""
        found = _SIGNED.fullmatch(ref)
        if found is None or bool(found[4]) is not (found[2] == _ONCE):
            return None
        body, given = ref[: found.start(5)], found[5].encode()
        genuine = [same(self._mac(body, one).encode(), given) for one in (channel, "")]
        return found if any(genuine) else None

    @property
    def genuine(self) -> Filter:
        """Passes who came by a ref that was signed with this secret for this channel, be it over or used."""
        return where(self._is_genuine, "genuine")

    def _is_genuine(self, event: Event, _: Conversation) -> bool:
        return isinstance(event, ConversationOpened) and self._read(event.ref, event.conversation.channel) is not None

    async def take(self, turn: Turn) -> str | None:
        """The value of the ref by which somebody came, for a handler of `ConversationOpened`.

        One that counts once is spent by it: who comes later, in any conversation, gets None. The same event, handled
        again after an error or a crash, gets it again.

        Raises:
            DefinitionError: The secret is missing or too short.
        """
        event = turn.event
        if not isinstance(event, ConversationOpened):
            return None
        channel = event.conversation.channel
        value, found = self.value(event.ref, channel=channel, now=turn.now), self._read(event.ref, channel)
        if value is None or found is None:
            return None
        return value if found[2] != _ONCE or await turn.spend(f"ref:{found[4]}", _end(found)) else None

    def _mac(self, body: str, channel: str) -> str:
        key = self._secret.reveal().encode()
        if len(key) < SHORTEST_SECRET:
            raise DefinitionError(
                f"{self._secret.name} is shorter than {SHORTEST_SECRET} bytes: with a guessable one anybody signs "
                "refs; make one with `openssl rand -base64 32`"
            )
        return _b64(hmac_sha256(key, _MARK, channel.encode(), b"\0", body.encode())[:16])


def _end(found: re.Match[str]) -> datetime:
    """From when on a ref counts no more."""
    return datetime.fromtimestamp(60 * int.from_bytes(urlsafe_b64decode(found[3] + "=="), "big"), UTC)


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
