"""Saved answers: what operators insert with "/"."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from attrs import evolve, frozen

from convokit._value import Value
from convokit.abc import Clock, Store
from convokit.desks.inbox.entries import Json
from convokit.desks.inbox.people import Operator
from convokit.wire import codec
from convokit.wire.naming import new_id
from convokit.wire.text import scrub

SHELF = "inbox-answers"
MOST = 2000
MOST_TEXT = 8000

Scope = Literal["mine", "team", "all"]
SCOPES: tuple[Scope, ...] = ("mine", "team", "all")
_CODE = re.compile(r"[^\s/]{1,40}")


class NotSaved(Exception):
    """A saved answer cannot be kept or removed; `code` is the page's word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@frozen(kw_only=True, eq=False, repr=False)
class Answer(Value):
    """A saved answer.

    Args:
        id: Its name.
        code: What is typed after "/".
        title: What it is about.
        text: What is inserted; `{customer.first_name|there}` is filled in by the page.
        scope: Whose it is: "mine", "team" (who shares a queue with its author) or "all".
        lang: BCP 47; empty: any.
        uses: How often it was sent.
        by: The id of its author.
        queues: The author's queues.
    """

    id: str
    code: str
    title: str
    text: str
    scope: Scope
    lang: str = ""
    uses: int = 0
    by: str = ""
    queues: tuple[str, ...] = ()

    def shown_to(self, operator: Operator) -> bool:
        """Whether an operator has it."""
        if self.scope == "all" or self.by == operator.id:
            return True
        shared = any(operator.sees(queue) for queue in self.queues) or "*" in self.queues
        return self.scope == "team" and shared

    def changed_by(self, operator: Operator) -> bool:
        """Whether an operator may change it."""
        return self.by == operator.id or (operator.lead and self.scope != "mine" and self.shown_to(operator))

    def as_json(self) -> Json:
        """As the page reads it."""
        return {
            "id": self.id,
            "code": self.code,
            "title": self.title,
            "text": self.text,
            "scope": self.scope,
            "lang": self.lang,
            "uses": self.uses,
            "by": self.by,
        }


async def answers(store: Store, operator: Operator) -> Sequence[Answer]:
    """An operator's saved answers, by code."""
    found = [codec.decode(Answer, one) for one in (await store.on_shelf(SHELF)).values()]
    return sorted((one for one in found if one.shown_to(operator)), key=lambda one: (one.code, one.id))


async def save(store: Store, clock: Clock, operator: Operator, given: object) -> Answer:
    """Keep a saved answer, a new one where no `id` is given.

    Raises:
        NotSaved: It is malformed ("bad_frame"), not theirs ("forbidden"), not there ("not_found"), or there are too
            many ("too_many").
    """
    if not isinstance(given, dict):
        raise NotSaved("bad_frame")
    scope = next((one for one in SCOPES if one == given.get("scope", "mine")), None)
    code, title = _line(given, "code", 40), _line(given, "title", 120)
    text, lang = _field(given, "text", MOST_TEXT), _line(given, "lang", 35)
    if scope is None or not _CODE.fullmatch(code) or not text.strip():
        raise NotSaved("bad_frame")
    if scope == "all" and not operator.lead:
        raise NotSaved("forbidden")
    before = await _known(store, operator, given["id"]) if given.get("id") else None
    if before is None and len(await store.on_shelf(SHELF, limit=MOST)) >= MOST:
        raise NotSaved("too_many")
    fields: dict[str, Any] = {"code": code, "title": title or code, "text": text, "scope": scope, "lang": lang}
    if before is not None:
        answer = evolve(before, **fields)
    else:
        answer = Answer(id=new_id("a_", clock.now()), by=operator.id, queues=operator.queues, **fields)
    await store.keep(SHELF, answer.id, codec.encode(answer))
    return answer


async def remove(store: Store, operator: Operator, answer_id: str) -> None:
    """Forget a saved answer. Raises `NotSaved` as `save`."""
    await store.take_off(SHELF, (await _known(store, operator, answer_id)).id)


async def count_use(store: Store, operator: Operator, answer_id: str) -> None:
    """Count that an answer was sent; nothing happens when there is none of this id."""
    kept = await store.kept(SHELF, answer_id) if answer_id else None
    if kept is not None:
        answer = codec.decode(Answer, kept)
        if answer.shown_to(operator):
            await store.keep(SHELF, answer.id, codec.encode(evolve(answer, uses=answer.uses + 1)))


async def _known(store: Store, operator: Operator, answer_id: object) -> Answer:
    kept = await store.kept(SHELF, answer_id) if isinstance(answer_id, str) and answer_id else None
    try:
        answer = codec.decode(Answer, kept) if kept is not None else None
    except msgspec.ValidationError:
        answer = None
    if answer is None or not answer.shown_to(operator):
        raise NotSaved("not_found")
    if not answer.changed_by(operator):
        raise NotSaved("forbidden")
    return answer


def _field(given: Mapping[str, Any], name: str, most: int) -> str:
    value = given.get(name, "")
    if not isinstance(value, str) or len(value) > most:
        raise NotSaved("bad_frame")
    return scrub(value)


def _line(given: Mapping[str, Any], name: str, most: int) -> str:
    return " ".join(_field(given, name, most).split())
