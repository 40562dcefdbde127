"""A mail that goes out: what it answers, where its answers go, and what must be remembered before it goes."""

from collections import deque
from datetime import UTC, datetime

import anyio
from attrs import define, field

from convokit.errors import Rejected
from convokit.messages import Message
from convokit.transports.email.addresses import Place, split
from convokit.transports.email.render import Letter, buttons_of, label_of, mailto, render, subject_of
from convokit.transports.email.setup import Setup
from convokit.transports.email.shelves import Shelves, Thread
from convokit.transports.email.tags import Tags

HOUR = 3600.0
MOST_COUNTED = 10_000


@define(eq=False)
class Outgoing:
    """Writes mails.

    Args:
        setup: The settings.
        shelves: What is remembered; None outside a run: then nothing is.
    """

    setup: Setup
    shelves: Shelves | None = None
    _counted: dict[str, deque[tuple[float, str]]] = field(factory=dict, init=False)

    async def written(self, place: Place, message: Message, key: str) -> tuple[bytes, str]:
        """The mail, and its Message-ID; everything that its answer needs is kept before it goes.

        Raises:
            Rejected: They want no mails, or it cannot be written as one.
            StoreUnavailable: The store cannot be asked.
        """
        setup, shelves = self.setup, self.shelves
        if shelves is None:
            tags, thread = Tags(key.encode() or b"-"), Thread()
            message_id = tags.message_id(key, split(setup.address)[1])
            letter = self._letter(place, message, tags, thread, message_id, page="")
            return render(message, letter, setup.channel), message_id
        if stopped := await shelves.stopped(place.address):
            raise Rejected(setup.channel, f"{place.address} gets no more mails until it writes: {stopped}")
        tags = await shelves.tags()
        message_id = tags.message_id(key, split(setup.address)[1])
        thread = await shelves.thread(place)
        subject = thread.subject or setup.subject or subject_of(message)
        # In a thread of ours the next mail answers this one; in a customer's, their last one.
        if not thread.chain:
            await shelves.keep_thread(place, Thread(subject=subject, chain=(message_id,)))
        await shelves.sent(place, message_id)
        page = await self._page(shelves, place, message, tags, key)
        chain = tuple(one for one in thread.chain if one != message_id)
        letter = self._letter(place, message, tags, Thread(subject=subject, chain=chain), message_id, page=page)
        return render(message, letter, setup.channel), message_id

    async def _page(self, shelves: Shelves, place: Place, message: Message, tags: Tags, key: str) -> str:
        """The name of the page behind the mail's links; empty: it has none."""
        buttons = buttons_of(message)
        if not self.setup.public_url or not (buttons or self.setup.unsubscribe):
            return ""
        page = tags.page(key, "mail")
        told = [(one.payload, label_of(one)) for one in buttons]
        await shelves.page(page, place, told, self.setup.links_for)
        return page

    def _letter(
        self, place: Place, message: Message, tags: Tags, thread: Thread, message_id: str, *, page: str
    ) -> Letter:
        setup = self.setup
        subject = thread.subject or setup.subject or subject_of(message)
        return Letter(
            sender=setup.address,
            name=setup.name,
            to=place.address,
            reply_to=setup.with_tag(tags.reply(place)) if setup.plus else setup.address,
            subject=f"Re: {subject}" if thread.chain else subject,
            message_id=message_id,
            references=thread.chain,
            at=self.shelves.run.clock.now() if self.shelves is not None else datetime.now(UTC),
            press=(lambda number: f"{setup.pages}/press/{page}/{number}") if page else None,
            leave=self._leave(place, tags, page) if setup.unsubscribe else (),
            mark=setup.mark,
        )

    def _leave(self, place: Place, tags: Tags, page: str) -> tuple[str, ...]:
        by_click = f"{self.setup.pages}/leave/{page}" if page else ""
        address = self.setup.with_tag(tags.leave(place.address))
        by_mail = mailto(address, subject="unsubscribe") if self.setup.plus else ""
        return tuple(filter(None, (by_click, by_mail)))

    def count(self, address: str, key: str) -> None:
        """Count a mail to an address; a program that answers us by new threads must not make us write for ever.

        Raises:
            Rejected: It got as many within an hour as it may.
        """
        now = anyio.current_time()
        counted = self._counted.setdefault(address, deque())
        while counted and counted[0][0] <= now - HOUR:
            counted.popleft()
        if any(one == key for _, one in counted):
            return
        if len(counted) >= self.setup.answers_an_hour:
            raise Rejected(
                self.setup.channel,
                f"{address} got {len(counted)} mails within an hour (answers_an_hour): it may be a program that "
                "answers ours; if it is none, `convokit failed --retry` sends it",
            )
        counted.append((now, key))
        if len(self._counted) > MOST_COUNTED:
            self._counted = {one: times for one, times in self._counted.items() if times and times[-1][0] > now - HOUR}
