"""What a Direct Line client does, step by step, on the wire."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from direct_line_shop import SECRET, app, own_server
from hosting import hosted

HERE = "/web/v3/directline"


@asynccontextmanager
async def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """The shop's server, which calls itself without a network between."""
    monkeypatch.chdir(folder)
    async with hosted(app, "http://127.0.0.1:8000") as client:
        monkeypatch.setitem(app.dependency_overrides, own_server, lambda: again(client))
        yield client


def again(client: httpx.AsyncClient) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=client._transport, base_url=client.base_url)  # noqa: SLF001  the same app


async def started(client: httpx.AsyncClient) -> tuple[str, dict[str, str]]:
    """A conversation's address, and the header with its token."""
    told = (await client.post("/direct-line-token")).json()
    key = {"Authorization": f"Bearer {told['token']}"}
    conversation = (await client.post(f"{HERE}/conversations", headers=key, json={})).json()
    return f"{HERE}/conversations/{conversation['conversationId']}", key


async def test_a_client_gets_a_token_starts_says_and_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(tmp_path, monkeypatch) as client:
        here, key = await started(client)
        me = {"from": {"id": "me"}}
        said = await client.post(f"{here}/activities", headers=key, json={"type": "message", "text": "hi", **me})
        assert said.is_success
        event = {"type": "event", "name": "page-left", "value": {"page": "/menu"}, **me}
        assert (await client.post(f"{here}/activities", headers=key, json=event)).is_success
        texts: list[str] = []
        with anyio.fail_after(10):
            while len(texts) < 3:
                read = await client.get(f"{here}/activities", headers=key)
                texts = [one["text"] for one in read.json()["activities"]]
        assert sorted(texts) == ["Hello. What can we do for you?", "You said: hi", "hi"]


async def test_a_client_resumes_by_its_token_and_watermark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(tmp_path, monkeypatch) as client:
        here, key = await started(client)
        again = (await client.get(here, headers=key, params={"watermark": "0"})).json()
        assert again["streamUrl"].startswith(f"ws://127.0.0.1:8000{here}/stream?t=")


async def test_the_secret_stays_on_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(tmp_path, monkeypatch) as client:
        assert SECRET not in (await client.post("/direct-line-token")).text
        assert (await client.post(f"{HERE}/conversations", json={})).status_code == 401
