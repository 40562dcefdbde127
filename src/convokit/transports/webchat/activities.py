"""Activities, as Direct Line calls what is said: read from a client, and made of the log's entries."""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from convokit._value import Value
from convokit.transports.webchat.saying import Unsaid
from convokit.transports.webchat.settings import CID, LOCALE, TEXT_CHARACTERS
from convokit.wire import codec
from convokit.wire.text import scrub, scrub_json

CHANNEL_DATA_BYTES = 16 << 10
"""What a client may have echoed beside what it says, as JSON."""
ACTIVITY = "application/vnd.microsoft.activity"
HERO = "application/vnd.microsoft.card.hero"
MAP_LINK = "https://maps.google.com/?q="
_LONGEST_NAME = 200
_TYPE = re.compile(r"[A-Za-z]{1,40}", re.ASCII)
# What comes back untouched with the echo: a client finds its own message by `channelData.clientActivityID`.
_ECHOED = ("channelData", "value", "entities", "localTimestamp", "localTimezone", "textFormat", "locale")


@frozen(kw_only=True, eq=False, repr=False)
class Posted(Value):
    """An activity that a client posts.

    Args:
        kind: "message", "typing", "event", or another word of the protocol.
        cid: The client's own id of it, in the form that the log wants; made up when it gave none.
        text: What is said.
        payload: What a pressed button stands for; None: none was pressed.
        name: An event's name.
        value: An event's value.
        locale: The reader's language, as the client tells; may be empty.
        echoed: What the echo gives back untouched.
    """

    kind: str
    cid: str
    text: str = ""
    payload: str | None = None
    name: str = ""
    value: Any = None
    locale: str = ""
    echoed: Mapping[str, Any] = field(factory=dict)


def read_activity(given: object) -> Posted:
    """An activity from its JSON.

    Raises:
        Unsaid: bad_frame or too_long.
    """
    if not isinstance(given, dict) or not isinstance(given.get("type"), str) or not _TYPE.fullmatch(given["type"]):
        raise Unsaid("bad_frame")
    text, name, locale = given.get("text"), given.get("name"), given.get("locale")
    if not isinstance(text, str | None) or not isinstance(name, str | None):
        raise Unsaid("bad_frame")
    if text is not None and len(text) > TEXT_CHARACTERS:
        raise Unsaid("too_long")
    try:
        echoed = scrub_json({key: given[key] for key in _ECHOED if given.get(key) is not None}, max_depth=16)
    except ValueError:
        raise Unsaid("bad_frame") from None
    if len(codec.encode(echoed)) > CHANNEL_DATA_BYTES:
        raise Unsaid("too_long")
    channel_data = echoed.get("channelData")
    told = channel_data if isinstance(channel_data, dict) else {}
    return Posted(
        kind=given["type"],
        cid=_cid(told.get("clientActivityID")),
        text=scrub(text or "").strip(),
        payload=_payload(echoed.get("value"), text, pressed=told.get("postBack") is True),
        name=scrub(name or "")[:_LONGEST_NAME],
        value=echoed.get("value"),
        locale=locale if isinstance(locale, str) and LOCALE.fullmatch(locale) else "",
        echoed=echoed,
    )


def _cid(given: object) -> str:
    """The client's id as it is, where it has the log's form; the same other id for the same id, where it has not."""
    if not isinstance(given, str) or not given:
        return os.urandom(16).hex()
    return given if CID.fullmatch(given) else hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()


def _payload(value: object, text: str | None, *, pressed: bool) -> str | None:
    if isinstance(value, dict):
        value = value.get("payload")
    if isinstance(value, str):
        return value
    return text if pressed and text else None


# ── what a client reads ─────────────────────────────────────────────────────────────────────────────────────────────


def activity_id(conversation: str, number: int) -> str:
    """The id of an entry's activity."""
    return f"{conversation}|{number:07d}"


def activity_of(
    entry: Mapping[str, Any], *, bot: str, base: str, reply_to: str = "", echoed: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """An entry of the chat's own wire as an activity.

    Args:
        entry: The frame.
        bot: What the bot is called.
        base: Where the chat's address begins, with a slash at the end: what relative links are relative to.
        reply_to: The id of the activity that it answers; may be empty.
        echoed: What the client that said it wants back.
    """
    by = entry["by"]
    mine = by["role"] == "visitor"
    activity: dict[str, Any] = {
        **(echoed or {}),
        "type": "message",
        "id": activity_id(entry["conv"], entry["seq"]),
        "timestamp": entry["at"],
        "channelId": "directline",
        "conversation": {"id": entry["conv"]},
        "from": {"id": by["id"], "name": by["name"], "role": "user"}
        if mine
        else {"id": by["id"] or bot, "name": by["name"] or bot, "role": "bot"},
    }
    if reply_to and not mine:
        activity["replyToId"] = reply_to
    if entry["kind"] == "event":
        return activity | _change(entry)
    activity["text"] = entry.get("text", "")
    activity.setdefault("textFormat", "plain")
    attachments = [_file(one, base) for one in entry.get("files", ()) if one.get("url")]
    attachments += [_hero(one, base) for one in entry.get("cards", ())]
    if (place := entry.get("location")) is not None:
        there = f"{MAP_LINK}{place['lat']:.6f},{place['lon']:.6f}"
        attachments.append(_card({"title": place["title"] or "📍"}, [{"label": "🗺", "url": there}]))
    links = [one for one in entry.get("buttons", ()) if "url" in one]
    buttons = [one for one in entry.get("buttons", ()) if "url" not in one]
    if links:
        attachments.append(_card({}, links))
    if attachments:
        activity["attachments"] = attachments
        activity["attachmentLayout"] = "carousel" if len(entry.get("cards", ())) > 1 else "list"
    if buttons:
        activity["suggestedActions"] = {"actions": [_action(one) for one in buttons]}
    return activity


def _change(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A change of who speaks: the protocol's own word where the conversation is over, else an event."""
    if entry["event"] == "closed":
        return {"type": "endOfConversation", "code": "completedSuccessfully"}
    value = {"state": entry["event"], "by": entry["by"]["name"], "to": entry.get("to", "")}
    return {"type": "event", "name": "handoff.status", "value": value}


def typing(conversation: str, by: Mapping[str, Any], bot: str) -> dict[str, Any]:
    """That somebody is writing; it stands in no log, so it has no number."""
    return {
        "type": "typing",
        "id": f"{conversation}|typing-{os.urandom(6).hex()}",
        "channelId": "directline",
        "conversation": {"id": conversation},
        "from": {"id": bot, "name": by.get("name") or bot, "role": "bot"},
    }


def _absolute(url: str, base: str) -> str:
    return url if "://" in url[:16] else base + url


def _file(one: Mapping[str, Any], base: str) -> dict[str, Any]:
    kinds = {"image": "image/*", "audio": "audio/*", "video": "video/*"}
    return {
        "contentType": one.get("type") or kinds.get(one["kind"], "application/octet-stream"),
        "contentUrl": _absolute(one["url"], base),
        "name": one.get("name") or one.get("alt") or one["kind"],
    }


def _hero(card: Mapping[str, Any], base: str) -> dict[str, Any]:
    content: dict[str, Any] = {"title": card["title"]}
    if card.get("subtitle"):
        content["subtitle"] = card["subtitle"]
    picture = card.get("image")
    if picture is not None and picture.get("url"):
        content["images"] = [{"url": _absolute(picture["url"], base), "alt": picture.get("alt", "")}]
    return _card(content, card.get("buttons", ()))


def _card(content: dict[str, Any], buttons: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    if buttons:
        content["buttons"] = [_action(one) for one in buttons]
    return {"contentType": HERO, "content": content}


def _action(one: Mapping[str, str]) -> dict[str, Any]:
    """A button as the client shows it: pressed, it says its label, and its payload comes beside it."""
    if "url" in one:
        return {"type": "openUrl", "title": one["label"], "value": one["url"]}
    label = one["label"]
    value = {"payload": one["payload"]}
    return {"type": "messageBack", "title": label, "text": label, "displayText": label, "value": value}
