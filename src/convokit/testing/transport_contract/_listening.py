"""A transport that listens: what customers say arrives, once however often, and it stops when it is told to."""

from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from convokit.abc import Transport
from convokit.errors import TransportError
from convokit.events import Event
from convokit.testing.transport_contract._damage import storable
from convokit.testing.transport_contract._members import Members

PATIENCE = 10.0
"""Seconds for which is waited until what was said arrives."""


class Listening(Members):
    """What `run` holds."""

    def _listener(self) -> Transport:
        transport = self.transport("http://127.0.0.1:1", 5.0)
        if type(transport).run is Transport.run:
            pytest.skip("this transport does not listen")
        return transport

    @pytest.mark.anyio
    async def test_what_a_customer_says_arrives_as_an_event_of_the_channel(self) -> None:
        """In the order in which it is said."""
        if type(self).speaks is Members.speaks:
            pytest.skip("no speaks(transport, text) is given: does this transport listen?")
        heard: list[Event] = []
        arrived = anyio.Event()

        async def accept(events: Sequence[Event]) -> list[bool]:
            nonlocal arrived
            heard.extend(events)
            arrived.set()
            arrived = anyio.Event()
            return [True] * len(events)

        async with self._listener() as transport, anyio.create_task_group() as tasks:
            tasks.start_soon(transport.run, accept)
            await anyio.wait_all_tasks_blocked()
            for word in ("one", "two"):
                await self.speaks(transport, word)
                with anyio.fail_after(PATIENCE):
                    while not [one for one in heard if word in one.text]:
                        await arrived.wait()
            storable(transport, heard)
            said = [one.text for one in heard if one.said]
            assert said == sorted(said, key=["one", "two"].index)
            tasks.cancel_scope.cancel()

    @pytest.mark.anyio
    async def test_it_stops_when_it_is_told_to(self) -> None:
        """At once, and it can be entered again."""
        transport = self._listener()
        for _ in range(2):
            with anyio.fail_after(PATIENCE):
                async with transport:
                    with anyio.move_on_after(0.2):
                        await _unless_its_line_breaks(transport)


async def _unless_its_line_breaks(transport: Transport) -> None:
    async def accept(events: Sequence[Any]) -> list[bool]:
        return [True] * len(events)

    try:
        await transport.run(accept)
    except TransportError:
        return  # nobody is there: the engine would begin anew
