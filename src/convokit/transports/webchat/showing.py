"""The log as a visitor's page reads it: what may be seen of an entry, and nothing else."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from convokit.abc import Run
from convokit.conversations import ConversationId, Entry, Logged
from convokit.messages import Action, Attachment, Button, Card, Link, Message
from convokit.transports.webchat.settings import CID
from convokit.wire import sniffing
from convokit.wire.files import LINK_SECONDS, FileBox, Kept
from convokit.wire.naming import FILE_ID, disposition, plain_name
from convokit.wire.signing import digits, hmac_sha256, same

if TYPE_CHECKING:
    from starlette.responses import Response

ROLES = {"user": "visitor", "bot": "bot", "operator": "person", "system": "system"}
_REMEMBERED_FILES = 1000


def moment(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cid_of_key(key: str) -> str:
    """The id that the page gave to a command, out of its entry's key; empty when it came from elsewhere."""
    cid = key.rpartition(":")[2] if key.startswith("u:") else ""
    return cid if CID.fullmatch(cid) else ""


class Showing:
    """Makes frames of entries.

    Args:
        run: The engine's run.
        files: What was uploaded.
        bot_name: What the bot is called.
        secret: What links to an entry's own bytes are signed with.
    """

    def __init__(self, run: Run, files: FileBox, bot_name: str, secret: bytes) -> None:
        self._run = run
        self._files = files
        self._bot_name = bot_name
        self.secret = secret
        self._known: OrderedDict[str, Kept] = OrderedDict()

    async def entry(self, conversation: ConversationId, log: str, logged: Logged) -> dict[str, Any]:
        """An entry as the visitor's wire has it.

        Raises:
            ValueError: It is private.
        """
        entry = logged.entry
        if entry.private or entry.kind == "note" or not logged.public:
            raise ValueError(f"{conversation}: entry {logged.number} is for operators only")
        shown: dict[str, Any] = {
            "t": "entry",
            "seq": logged.public,
            "id": entry.key,
            "kind": "text" if entry.kind == "said" else "event",
            "by": {"role": ROLES[entry.author], "id": entry.by, "name": self._name(entry)},
            "at": moment(entry.at),
            "conv": conversation.id,
            "log": log,
        }
        if cid := cid_of_key(entry.key) if entry.author == "user" else "":
            shown["cid"] = cid
        if entry.kind != "said":
            # What such an entry says in words (a reason, a note, an outcome) is for colleagues.
            shown["event"] = entry.kind
            if entry.to:
                shown["to"] = entry.to
            return shown
        shown.update(await self.message(entry.message, conversation, entry.key))
        return shown

    def _name(self, entry: Entry) -> str:
        return (entry.name or self._bot_name) if entry.author == "bot" else entry.name

    async def message(self, message: Message, conversation: ConversationId | None, key: str) -> dict[str, Any]:
        """What a message says, as fields of an entry.

        Args:
            message: What is said.
            conversation: Where, for links to its bytes; None: it has none (a greeting).
            key: Its entry's key.
        """
        shown: dict[str, Any] = {}
        if message.text:
            shown["text"] = message.text
        if message.buttons:
            shown["buttons"] = _actions(message.buttons)
        number = 0
        if message.attachments:
            shown["files"] = []
        for one in message.attachments:
            shown["files"].append(await self._file(one, conversation, key, number))
            number += 1
        if message.cards:
            shown["cards"] = []
        for card in message.cards:
            picture = await self._file(card.image, conversation, key, number) if card.image is not None else None
            number += card.image is not None
            shown["cards"].append(_card(card, picture))
        if message.location is not None:
            place = message.location
            shown["location"] = {"lat": place.latitude, "lon": place.longitude, "title": place.title}
        return shown

    async def _file(
        self, one: Attachment, conversation: ConversationId | None, key: str, number: int
    ) -> dict[str, Any]:
        shown: dict[str, Any] = {"kind": one.kind, "url": "", "name": one.name, "type": one.media_type, "alt": one.alt}
        if FILE_ID.fullmatch(one.ref):
            kept = await self._about(one.ref)
            if kept is not None:
                shown |= {"id": kept.id, "name": kept.name, "type": kept.media_type, "size": kept.size}
                shown |= {"w": kept.width, "h": kept.height} if kept.width else {}
                shown["url"] = f"v1/files/{self._files.link(kept.id)}"
        elif one.url:
            shown["url"] = one.url
        elif one.data is not None and conversation is not None:
            shown["size"] = len(one.data)
            shown["url"] = self._link(conversation, key, number)
        return shown

    async def _about(self, file: str) -> Kept | None:
        kept = self._known.get(file) or await self._files.about(file)
        if kept is not None:
            self._known[file] = kept
            self._known.move_to_end(file)
            if len(self._known) > _REMEMBERED_FILES:
                self._known.popitem(last=False)
        return kept

    # ── bytes that stand in the log itself ──────────────────────────────────────────────────────────────────────────

    def _link(self, conversation: ConversationId, key: str, number: int) -> str:
        step = LINK_SECONDS // 2
        ends = (int(self._run.clock.now().timestamp()) // step + 2) * step
        signed = self._signed(conversation.id, key, number, ends)
        return f"v1/entry/{conversation.id}/{_safe(key)}/{number}?e={ends}&s={signed}"

    def _signed(self, conversation: str, key: str, number: int, ends: int) -> str:
        mac = hmac_sha256(self.secret, "\n".join((conversation, _safe(key), str(number), str(ends))).encode())
        return urlsafe_b64encode(mac[:18]).decode()

    async def answer(
        self, conversation: ConversationId, key: str, number: str, e: str | None, s: str | None
    ) -> "Response":
        """Answer a link to bytes that stand in an entry: 404 whatever is wrong with it.

        Args:
            conversation: Where.
            key: The entry's key, as the link spells it.
            number: Which of the message's attachments and cards' pictures, from 0.
            e: When the link ends.
            s: Its signature.
        """
        from starlette.responses import PlainTextResponse, Response  # noqa: PLC0415  an extra

        missing = PlainTextResponse(
            "Not found", 404, {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        )
        plain, ends, place = _plain(key), digits(e or ""), digits(number)
        if plain is None or ends is None or place is None:
            return missing
        left = ends - self._run.clock.now().timestamp()
        good = same(
            self._signed(conversation.id, plain, place, ends).encode(), (s or "").encode("utf-8", "surrogatepass")
        )
        logged = await self._run.store.find(conversation, plain) if good and left > 0 else None
        if logged is None or logged.entry.private:
            return missing
        message = logged.entry.message
        pictures = [card.image for card in message.cards if card.image is not None]
        all_of_them: Sequence[Attachment] = [*message.attachments, *pictures]
        one = all_of_them[place] if place < len(all_of_them) else None
        if one is None or one.data is None:
            return missing
        kind = sniffing.sniff(one.data[: sniffing.HEAD])
        shown = kind in sniffing.INLINE
        headers = {
            "Content-Disposition": disposition(
                "inline" if shown else "attachment", plain_name(one.name, one.media_type)
            ),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": f"private, max-age={int(left)}",
        }
        return Response(one.data, 200, headers, kind if shown else "application/octet-stream")


def _safe(key: str) -> str:
    return urlsafe_b64encode(key.encode("utf-8", "surrogatepass")).rstrip(b"=").decode()


def _plain(safe: str) -> str | None:
    try:
        return urlsafe_b64decode(safe + "=" * (-len(safe) % 4)).decode("utf-8", "surrogatepass")
    except ValueError:
        return None


def _actions(actions: Sequence[Action]) -> list[dict[str, str]]:
    shown = []
    for one in actions:
        if isinstance(one, Button):
            shown.append({"label": one.label, "payload": one.payload})
        elif isinstance(one, Link):
            shown.append({"label": one.label, "url": one.url})
    return shown


def _card(card: Card, picture: dict[str, Any] | None) -> dict[str, Any]:
    shown: dict[str, Any] = {"title": card.title, "subtitle": card.subtitle, "buttons": _actions(card.buttons)}
    if picture is not None:
        shown["image"] = picture
    return shown
