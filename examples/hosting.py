"""A host's app as its server runs it, for tests: started, spoken to over HTTP, stopped."""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

Scope = MutableMapping[str, Any]


@asynccontextmanager
async def hosted(app: Any, address: str = "https://www.shop.example") -> AsyncIterator[httpx.AsyncClient]:
    """The app within its lifespan, whose state every request gets; a client at `address` before it."""
    async with app.router.lifespan_context(app) as state:

        async def served(scope: Scope, receive: Callable[[], Awaitable[Scope]], send: Any) -> None:
            await app({**scope, "state": dict(state or {})}, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url=address) as client:
            yield client


class Page:
    """A page with the chat, whose sockets are blocked: it polls, and speaks the same frames.

    Args:
        client: The browser that it is open in.
        chat: The chat's address, with a slash at its end.
        origin: The page's.
        customer: The token that the host's own server gave it, if any.
    """

    def __init__(self, client: httpx.AsyncClient, chat: str, *, origin: str, customer: str = "") -> None:
        self._client = client
        self._chat = chat
        self._sid: str | None = None
        self._after = 0
        self.texts: list[str] = []
        self._headers = {"origin": origin} | ({"authorization": f"Bearer {customer}"} if customer else {})

    async def post(self, path: str, said: Any) -> httpx.Response:
        return await self._client.post(self._chat + path, json=said, headers=self._headers)

    async def opens(self, **hello: Any) -> dict[str, Any]:
        """Visit, and say hello. Returns the welcome."""
        visit = await self.post("v1/visit", {})
        assert visit.is_success, visit.text
        if "token" in visit.json():  # a page of another site keeps what identifies it by itself
            self._headers["authorization"] = f"Bearer {visit.json()['token']}"
        (welcome,) = await self.says({"t": "hello", "v": 1, "conv": None, "log": None, "after": 0, **hello})
        return welcome

    async def says(self, *frames: dict[str, Any], wait: int = 0) -> Sequence[dict[str, Any]]:
        """Say frames, and read those that are there, or come within `wait` milliseconds."""
        answer = await self.post("v1/poll", {"sid": self._sid, "after": self._after, "wait": wait, "frames": frames})
        assert answer.is_success, answer.text
        self._sid = answer.json()["sid"]
        found: Sequence[dict[str, Any]] = answer.json()["frames"]
        for one in found:
            if one["t"] == "entry" and one["seq"] > self._after:
                self._after = one["seq"]
                self.texts.append(one["text"])
        return found

    async def hears(self, count: int) -> list[str]:
        """The texts of all entries, as soon as there are so many."""
        while len(self.texts) < count:
            await self.says(wait=5000)
        return self.texts
