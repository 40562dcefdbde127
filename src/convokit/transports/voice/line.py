"""The platform's API for phone calls: which call goes on, what it does next.

Facts: twilio/twilio-oai `twilio_api_v2010.json` (April 2026): Calls, IncomingPhoneNumbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from attrs import frozen

from convokit.transports.twilio import Account
from convokit.transports.voice.hearing import is_call
from convokit.wire.http import Client

_ALIVE = frozenset({"queued", "initiated", "ringing", "in-progress"})


@frozen(kw_only=True)
class Line:
    """The API, opened for a run."""

    channel: str
    account: Account
    client: Client

    async def update(self, call: str, document: bytes) -> None:
        """Let a live call go on with another document; what it does is cut off. Raises as `Transport.send`."""
        fields = (("Twiml", document.decode()),)
        await self.account.post(self.channel, self.client, f"/Calls/{call}.json", fields, what="update of a call")

    async def going_on(self, person: str, number: str) -> str | None:
        """The id of the newest call that goes on with a person; None: there is none. Raises as `Transport.send`."""
        for ours, theirs in (("To", "From"), ("From", "To")):
            asked = {theirs: person, **({ours: number} if number else {}), "Status": "in-progress", "PageSize": "5"}
            for one in await self._calls(asked, "which call goes on"):
                # A leg that we dialled to an operator has a parent, and is not the caller's.
                if not one.get("parent_call_sid") and is_call(str(one.get("sid", ""))):
                    return str(one["sid"])
        return None

    async def is_connected(self, call: str) -> bool:
        """Whether a leg that the call dialled rings or is answered. Raises as `Transport.send`."""
        legs = await self._calls({"ParentCallSid": call, "PageSize": "20"}, "legs of a call")
        return any(one.get("status") in _ALIVE for one in legs)

    async def number(self, number: str) -> Mapping[str, Any] | None:
        """What the account knows of one of its numbers; None: it has no such number. Raises as `Transport.send`."""
        asked = urlencode({"PhoneNumber": number})
        path = f"/IncomingPhoneNumbers.json?{asked}"
        told = (await self.account.get(self.channel, self.client, path, what="the number")).json()
        found = told.get("incoming_phone_numbers") if isinstance(told, dict) else None
        return next((one for one in found or () if isinstance(one, dict)), None) if isinstance(found, list) else None

    async def _calls(self, asked: Mapping[str, str], what: str) -> Sequence[Mapping[str, Any]]:
        path = f"/Calls.json?{urlencode(asked)}"
        told = (await self.account.get(self.channel, self.client, path, what=what)).json()
        found = told.get("calls") if isinstance(told, dict) else None
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
