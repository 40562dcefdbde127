"""The inbox's doors: who comes in, by which cookie, and what other sites' pages cannot do."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import argon2
import httpx
import pytest
from attrs import evolve
from desk_world import JONAS, LEA, MAYA, World

from convokit import Bot, Image, Message, Turn
from convokit.conversations import ConversationId
from convokit.desks import Inbox, Operator
from convokit.desks.inbox import people
from convokit.desks.inbox.page import ACTS
from convokit.desks.inbox.speaking import SPEAKS
from convokit.wire.files import FileBox

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery staple"
HOME = "http://localhost:8000"
WRITES = {"origin": HOME, "x-convokit": "1"}


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords as they are, with the cheapest parameters that argon2 has."""
    monkeypatch.setattr(people, "_hasher", lambda: argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@asynccontextmanager
async def world_with(*operators: Operator, desk: Inbox | None = None) -> AsyncIterator[World]:
    async with World(desk) as world:
        for one in operators:
            await people.add(world.store, one, PASSWORD)
        yield world


def browser(world: World, base: str = HOME, **cookies: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=world.engine.sites["inbox"], client=("203.0.113.9", 1))
    return httpx.AsyncClient(transport=transport, base_url=base, cookies=cookies)


async def form_of(client: httpx.AsyncClient, path: str = "/signin") -> str:
    page = await client.get(path)
    assert page.status_code == 200, page.text
    found = re.search(r'name="form" value="([0-9a-f]{64})"', page.text)
    assert found
    return found[1]


async def sign_in(client: httpx.AsyncClient, name: str = "maya", password: str = PASSWORD, **more: str) -> Any:
    form = await form_of(client)
    fields = {"name": name, "password": password, "form": form, **more}
    return await client.post("/signin", data=fields, headers={"origin": str(client.base_url).rstrip("/")})


# ── signing in ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_password_opens_the_inbox() -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        away = await client.get("/")
        assert (away.status_code, away.headers["location"]) == (303, "signin")
        came = await sign_in(client, next="#/c/web%3Ac_ada")
        assert (came.status_code, came.headers["location"]) == (303, "./#/c/web%3Ac_ada")
        page = await client.get("/")
        assert page.status_code == 200
        assert "static/inbox.js" in page.text


async def test_the_cookie_is_the_hosts_own_over_tls() -> None:
    async with world_with(MAYA) as world, browser(world, "https://desk.example") as client:
        came = await sign_in(client)
        (cookie,) = [one for one in came.headers.get_list("set-cookie") if one.startswith("__Host-convokit-inbox=")]
        for part in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
            assert part in cookie
        assert "Domain" not in cookie
        kept = await world.store.on_shelf(people.SIGN_INS)
        assert re.search("=([0-9a-f]{64});", cookie)
        assert re.search("=([0-9a-f]{64});", cookie)[1] not in str(kept)  # type: ignore[index]  just looked at


@pytest.mark.parametrize(
    ("name", "password"), [("maya", "wrong horse battery staple"), ("nobody", PASSWORD), ("maya", "")]
)
async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(name: str, password: str) -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        refused = await sign_in(client, name, password)
        assert refused.headers["location"] == "signin?error=wrong#wrong"
        assert not [one for one in client.cookies if one == "convokit-inbox"]


async def test_an_unknown_name_costs_as_many_hashes_as_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        looked: list[str] = []
        check = people.Passwords._check

        def counted(self: people.Passwords, kept: str, given: str) -> bool:
            looked.append(kept)
            return check(self, kept, given)

        monkeypatch.setattr(people.Passwords, "_check", counted)
        await sign_in(client, "maya", "wrong horse battery staple")
        await sign_in(client, "nobody", "wrong horse battery staple")
        assert len(looked) == 2


async def test_guessing_is_slowed_down_by_name_and_address() -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        for _ in range(5):
            assert "wrong" in (await sign_in(client, password="wrong horse battery staple")).headers["location"]
        assert (await sign_in(client)).headers["location"] == "signin?error=slow#slow"
        await world.passes(seconds=61)
        assert (await sign_in(client)).headers["location"] == "./"


async def test_a_cookie_planted_before_signing_in_is_worth_nothing_after() -> None:
    async with world_with(MAYA) as world:
        planted = "a" * 64
        async with browser(world, **{"convokit-inbox": planted}) as client:
            came = await sign_in(client)
            assert planted not in str(came.headers.get_list("set-cookie"))
        async with browser(world, **{"convokit-inbox": planted}) as thief:
            assert (await thief.get("/")).status_code == 303


async def test_an_earlier_sign_in_of_the_same_browser_ends_with_a_new_one() -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        await sign_in(client)
        old = client.cookies["convokit-inbox"]
        await sign_in(client)
        assert client.cookies["convokit-inbox"] != old
        async with browser(world, **{"convokit-inbox": old}) as thief:
            assert (await thief.get("/")).status_code == 303


async def test_a_sign_in_ends_when_it_is_idle_and_after_a_week_in_any_case() -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        await sign_in(client)
        await world.passes(hours=11)
        assert (await client.get("/")).status_code == 200
        await world.passes(hours=11)
        assert (await client.get("/")).status_code == 200
        await world.passes(hours=12, minutes=1)
        assert (await client.get("/")).status_code == 303
        await sign_in(client)
        for _ in range(16):
            await world.passes(hours=10)
            assert (await client.get("/")).status_code == 200
        await world.passes(hours=9)
        assert (await client.get("/")).status_code == 303


async def test_another_password_signs_everybody_out_and_removal_too() -> None:
    async with world_with(MAYA, JONAS) as world, browser(world) as client, browser(world) as other:
        await sign_in(client)
        await sign_in(other, "jonas")
        await people.set_password(world.store, "maya", "another horse battery staple")
        await people.remove(world.store, "jonas")
        assert (await client.get("/")).status_code == 303
        assert (await other.get("/")).status_code == 303


async def test_signing_out_ends_the_sign_in() -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        await sign_in(client)
        cookie = client.cookies["convokit-inbox"]
        assert (await client.post("/signout", headers=WRITES)).status_code == 204
        async with browser(world, **{"convokit-inbox": cookie}) as thief:
            assert (await thief.get("/")).status_code == 303


async def test_a_link_signs_in_once_within_a_quarter_of_an_hour_and_looking_does_not_use_it_up() -> None:
    async with world_with(MAYA) as world:
        secret = await people.one_time_link(world.store, "maya", world.clock.now())
        assert secret not in str(await world.store.on_shelf(people.LINKS))
        async with browser(world) as client:
            form = await form_of(client, f"/signin/{secret}")
            assert "Maya" in (await client.get(f"/signin/{secret}")).text
            used = await client.post(f"/signin/{secret}", data={"form": form}, headers={"origin": HOME})
            assert (used.status_code, used.headers["location"]) == (303, "../")
            assert (await client.get("/")).status_code == 200
        async with browser(world) as late:
            again = await late.get(f"/signin/{secret}")
            assert again.headers["location"] == "../signin?error=link#link"
        old = await people.one_time_link(world.store, "maya", world.clock.now())
        await world.passes(minutes=15, seconds=1)
        async with browser(world) as late:
            assert (await late.get(f"/signin/{old}")).status_code == 303


async def test_of_two_who_use_a_link_at_once_one_comes_in() -> None:
    async with world_with(MAYA) as world, browser(world) as one, browser(world) as other:
        secret = await people.one_time_link(world.store, "maya", world.clock.now())
        forms = {client: await form_of(client, f"/signin/{secret}") for client in (one, other)}
        places: list[str] = []

        async def use(client: httpx.AsyncClient) -> None:
            used = await client.post(f"/signin/{secret}", data={"form": forms[client]}, headers={"origin": HOME})
            places.append(used.headers["location"])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(use, one)
            tasks.start_soon(use, other)
        assert sorted(places) == ["../", "../signin?error=link#link"]


# ── other sites' pages ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", f"{HOME}.evil.example", "http://localhost:81"]
)
async def test_the_form_of_another_site_is_refused(origin: str | None) -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        fields = {"name": "maya", "password": PASSWORD, "form": await form_of(client)}
        refused = await client.post("/signin", data=fields, headers={} if origin is None else {"origin": origin})
        assert refused.status_code == 403


async def test_a_form_without_its_token_or_its_cookie_is_refused() -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        form = await form_of(client)
        for fields, cookies in (({}, client.cookies), ({"form": form}, {}), ({"form": "a" * 64}, client.cookies)):
            async with browser(world, **dict(cookies)) as other:
                given = {"name": "maya", "password": PASSWORD, **fields}
                assert (await other.post("/signin", data=given, headers={"origin": HOME})).status_code == 403


WRITING = [
    ("POST", "/signout"),
    ("POST", "/v1/poll"),
    ("POST", "/v1/answers"),
    ("DELETE", "/v1/answers"),
    ("DELETE", "/v1/answers/a_1"),
    ("PUT", "/v1/files/cid-000000000001"),
]
READING = ["/v1/metrics", "/v1/answers", "/v1/files/f_1", "/v1/said/1/0?conv=web:c_ada"]


@pytest.mark.parametrize(("method", "path"), WRITING)
async def test_what_changes_something_wants_our_origin_our_header_and_a_sign_in(method: str, path: str) -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        if path != "/signout":
            assert (await client.request(method, path, headers=WRITES)).status_code == 401
        await sign_in(client)
        for headers in ({"x-convokit": "1"}, {"origin": HOME}, {**WRITES, "origin": "https://evil.example"}):
            assert (await client.request(method, path, headers=headers)).status_code == 403


@pytest.mark.parametrize("path", READING)
async def test_nothing_is_read_without_a_sign_in(path: str) -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        assert (await client.get(path)).status_code == 401


async def test_every_route_is_in_these_lists() -> None:
    known = {path.partition("?")[0] for _, path in WRITING} | {path.partition("?")[0] for path in READING}
    public = {"/", "/signin", "/signin/x", "/v1/ws", "/v1/enter.js", "/static"}
    async with world_with(MAYA) as world:
        site = world.engine.sites["inbox"]
        router = next(cell.cell_contents for cell in site.__closure__ if hasattr(cell.cell_contents, "routes"))
        for route in router.routes:
            pattern = re.sub(r"\{[^}]*\}", "[^/]+", route.path)
            assert any(re.fullmatch(pattern, path) for path in known | public), f"{route.path} has no test of its door"


async def test_every_answer_has_the_strict_headers() -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        for path in ("/", "/signin", "/v1/metrics", "/nowhere"):
            headers = (await client.get(path)).headers
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-frame-options"] == "DENY"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == ("strict-origin" if path == "/signin" else "no-referrer")
            assert headers["cache-control"] == "no-store"
        assert (await client.get("/static/signin.js")).headers["x-content-type-options"] == "nosniff"
        assert (await client.get("/static/../page.py")).status_code == 404
        assert (await client.get("/static/%2e%2e/page.py")).status_code == 404


async def test_a_frame_is_for_those_who_are_named() -> None:
    async with world_with(desk=Inbox(framed_by=["'self'", "https://crm.example"])) as world, browser(world) as client:
        headers = (await client.get("/signin")).headers
        assert "frame-ancestors 'self' https://crm.example" in headers["content-security-policy"]
        assert "x-frame-options" not in headers


# ── the host's own sign-in ──────────────────────────────────────────────────────────────────────────────────────────


async def test_the_host_says_who_somebody_is_and_there_is_no_other_way_in() -> None:
    async def authenticate(request: Any) -> Operator | None:
        return MAYA if request.headers.get("x-staff") == "maya" else None

    desk = Inbox(authenticate=authenticate)
    async with world_with(MAYA, desk=desk) as world, browser(world) as client:
        assert (await client.get("/")).status_code == 403
        assert (await client.get("/signin")).status_code == 404
        assert (await client.get("/", headers={"x-staff": "maya"})).status_code == 200


# ── beside the line ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_line_works_by_polls() -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        await sign_in(client)
        hello = {"sid": None, "wait": 0, "frames": [{"t": "hello", "v": 1, "lists": {}, "convs": {}}]}
        first = (await client.post("/v1/poll", json=hello, headers=WRITES)).json()
        assert first["frames"][0]["t"] == "welcome"
        assert first["frames"][0]["me"]["id"] == "maya"
        conv = await world.says("Ada", "person")
        open_ = {"sid": first["sid"], "wait": 0, "frames": [{"t": "open", "conv": conv}]}
        second = (await client.post("/v1/poll", json=open_, headers=WRITES)).json()
        assert {"row", "opened"} <= {one["t"] for one in second["frames"]}
        for body in (b"{", b"[]", b"null", b'{"frames": 1}'):
            assert (await client.post("/v1/poll", content=body, headers=WRITES)).status_code == 400


async def test_somebody_elses_poll_is_not_ones_own() -> None:
    async with world_with(MAYA, JONAS) as world, browser(world) as client, browser(world) as other:
        await sign_in(client)
        await sign_in(other, "jonas")
        hello = {"sid": None, "wait": 0, "frames": [{"t": "hello", "v": 1}]}
        sid = (await client.post("/v1/poll", json=hello, headers=WRITES)).json()["sid"]
        stolen = (
            await other.post("/v1/poll", json={"sid": sid, "frames": [{"t": "hello", "v": 1}]}, headers=WRITES)
        ).json()
        assert stolen["sid"] != sid
        assert stolen["frames"][0]["me"]["id"] == "jonas"


async def test_saved_answers_are_shared_as_their_scope_says() -> None:
    bea = Operator(id="bea", name="Bea", queues=["billing"])
    gus = Operator(id="gus", name="Gus", queues=["front"])
    async with (
        world_with(bea, gus, LEA) as world,
        browser(world) as hers,
        browser(world) as his,
        browser(world) as leads,
    ):
        for client, name in ((hers, "bea"), (his, "gus"), (leads, "lea")):
            await sign_in(client, name)
        saved = {}
        for scope in ("mine", "team"):
            given = {
                "code": f"hi-{scope}",
                "title": "Hi",
                "text": "Hello {customer.first_name|there}",
                "scope": scope,
            }
            made = await hers.post("/v1/answers", json=given, headers=WRITES)
            assert made.status_code == 200, made.text
            saved[scope] = made.json()
        given = {"code": "bye", "text": "Bye", "scope": "all"}
        assert (await hers.post("/v1/answers", json=given, headers=WRITES)).status_code == 403
        assert (await leads.post("/v1/answers", json=given, headers=WRITES)).status_code == 200

        async def codes(client: httpx.AsyncClient) -> list[str]:
            return [one["code"] for one in (await client.get("/v1/answers")).json()["answers"]]

        assert await codes(hers) == ["bye", "hi-mine", "hi-team"]
        assert await codes(his) == ["bye"]
        assert await codes(leads) == ["bye", "hi-team"]
        gone = await his.delete(f"/v1/answers/{saved['team']['id']}", headers=WRITES)
        assert gone.status_code == 404
        for bad in (
            {},
            {"code": "a b", "text": "x"},
            {"code": "a", "text": 1},
            [],
            {"code": "a", "text": "x", "scope": "x"},
        ):
            assert (await hers.post("/v1/answers", json=bad, headers=WRITES)).status_code == 400
        changed = {**saved["mine"], "text": "Hello you"}
        assert (await hers.post("/v1/answers", json=changed, headers=WRITES)).json()["text"] == "Hello you"
        assert (await hers.delete(f"/v1/answers/{saved['mine']['id']}", headers=WRITES)).status_code == 204
        assert await codes(hers) == ["bye", "hi-team"]


async def test_figures_are_for_leads_and_told_anew_only_when_they_change() -> None:
    async with world_with(MAYA, LEA) as world, browser(world) as client, browser(world) as other:
        await sign_in(client, "lea")
        await sign_in(other, "maya")
        assert (await other.get("/v1/metrics")).status_code == 403
        await world.says("Ada", "person")
        await world.passes(minutes=3)
        first = await client.get("/v1/metrics?window=day")
        assert first.json()["waiting"]["now"] == 1
        assert first.json()["longest"]["name"] == "Ada"
        assert [one["due"] for one in first.json()["overdue"]] == ["first"]
        again = await client.get("/v1/metrics?window=day", headers={"if-none-match": first.headers["etag"]})
        assert again.status_code == 304
        await world.says("Bob", "person")
        changed = await client.get("/v1/metrics?window=week", headers={"if-none-match": first.headers["etag"]})
        assert changed.json()["waiting"]["now"] == 2
        assert (await client.get("/v1/metrics?window=year")).status_code == 400


async def test_a_file_is_sent_by_whoever_sent_it_and_read_by_a_signed_link(tmp_path: Path) -> None:
    async with world_with(MAYA, JONAS) as world, browser(world) as client, browser(world) as other:
        world.engine.files = tmp_path / "files"
        await sign_in(client)
        headers = {**WRITES, "content-type": "text/plain", "x-name": "bill%20%E2%82%AC.txt"}
        put = await client.put("/v1/files/cid-000000000001", content=b"ten euros", headers=headers)
        assert put.status_code == 201, put.text
        again = await client.put("/v1/files/cid-000000000001", content=b"ten euros", headers=headers)
        assert again.json() == put.json()
        name = put.json()["id"]
        assert (await client.get(f"/v1/files/{name}?e=9999999999&s=x")).status_code == 404
        await sign_in(other, "jonas")
        assert (await other.get(f"/v1/files/{name}")).status_code == 404


async def test_a_link_to_a_file_is_good_for_who_may_see_the_conversation_that_it_was_sent_in(tmp_path: Path) -> None:
    billing = Operator(id="bea", name="Bea", queues=["billing"])
    async with world_with(MAYA, billing) as world, browser(world) as client, browser(world) as other:
        world.engine.files = tmp_path / "files"
        await sign_in(client)
        await sign_in(other, "bea")
        headers = {**WRITES, "content-type": "text/plain", "x-name": "bill.txt"}
        put = await client.put("/v1/files/cid-000000000001", content=b"ten euros", headers=headers)
        name, conv, another = put.json()["id"], await world.says("Ada", "person"), await world.says("Bob", "bill")
        maya = await world.sits(MAYA)
        epoch = (await maya.ask("take", conv=conv, epoch=await world.epoch(conv)))["epoch"]
        assert (await maya.ask("send", conv=conv, epoch=epoch, text="", files=[name]))["t"] == "ack"
        box = FileBox(tmp_path / "files", world.store, world.clock)
        await box.open()
        link = f"/v1/files/{box.link(name)}"
        assert (await client.get(link)).text == "ten euros", "their own, of no conversation"
        assert (await other.get(link)).status_code == 404
        assert (await other.get(f"{link}&conv={conv}")).status_code == 404, "it is another queue's"
        assert (await other.get(f"{link}&conv={another}")).status_code == 404, "it was not sent there"
        await maya.ask("offer", conv=conv, epoch=epoch, to={"queue": "billing"}, note="yours")
        assert (await other.get(f"{link}&conv={conv}")).text == "ten euros"


@pytest.mark.parametrize("mayas", [0, 1])
async def test_an_inbox_that_nobody_can_enter_says_so_when_it_starts(
    mayas: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with world_with(*[MAYA] * mayas) as world:
        caplog.clear()
        await world.restarts()
        assert ("convokit operators add" in caplog.text) is (mayas == 0)


async def test_bytes_in_the_log_are_read_by_who_sees_the_conversation() -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40

    def bot(desk: Inbox) -> Bot:
        made = Bot("shop", desk=desk)

        @made.fallback
        async def show(turn: Turn) -> None:
            turn.reply(
                Message(
                    "A pizza",
                    attachments=[
                        Image(data=png, media_type="image/png"),
                    ],
                )
            )

        return made

    bea = Operator(id="bea", name="Bea", queues=["billing"])
    async with World(bot=bot) as world:
        for one in (MAYA, bea):
            await people.add(world.store, one, PASSWORD)
        conv = await world.says("Ada", "hello")
        maya = await world.sits(MAYA)
        entries = (await maya.has(conv))["entries"]
        (url,) = [one["files"][0]["url"] for one in entries if one.get("files")]
        async with browser(world) as client, browser(world) as other:
            await sign_in(client)
            await sign_in(other, "bea")
            got = await client.get(f"/{url}")
            assert (got.status_code, got.content, got.headers["content-type"]) == (200, png, "image/png")
            assert "sandbox" in got.headers["content-security-policy"]
            assert (await other.get(f"/{url}")).status_code == 404
            for wrong in (url.replace("/0?", "/7?"), url.replace("said/", "said/9"), url[:-3], "v1/said/1/0?conv=x"):
                assert (await client.get(f"/{wrong}")).status_code == 404


# ── sockets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def socket(world: World, frames: list[Any], headers: Mapping[str, str]) -> list[Any]:
    """Open a socket, say these frames, and return what came until it was closed, or nothing came any more."""
    send, receive = anyio.create_memory_object_stream[Any](1000)
    came: list[Any] = []
    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": "/v1/ws",
        "root_path": "",
        "query_string": b"",
        "subprotocols": ["convokit.v1"],
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "localhost:8000", **headers}.items()],
        "state": {},
    }
    send.send_nowait({"type": "websocket.connect"})
    for frame in frames:
        text = frame if isinstance(frame, str) else json.dumps(frame)
        send.send_nowait({"type": "websocket.receive", "text": text})

    async def out(message: Any) -> None:
        came.append(message)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.engine.sites["inbox"], scope, receive.receive, out)
        await world.settles()
        send.send_nowait({"type": "websocket.disconnect", "code": 1001})
    send.close()
    receive.close()
    return came


HELLO = {"t": "hello", "v": 1, "lists": {}, "convs": {}}


async def test_a_socket_of_another_origin_or_without_a_sign_in_is_told_why_it_is_closed() -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        await sign_in(client)
        cookie = f"convokit-inbox={client.cookies['convokit-inbox']}"
        for headers, code in (
            ({"cookie": cookie}, 4403),
            ({"cookie": cookie, "origin": "null"}, 4403),
            ({"cookie": cookie, "origin": "https://evil.example"}, 4403),
            ({"origin": HOME}, 4401),
        ):
            came = await socket(world, [HELLO], headers)
            assert [one["type"] for one in came] == ["websocket.accept", "websocket.close"]
            assert came[1]["code"] == code
        came = await socket(world, [HELLO], {"cookie": cookie, "origin": HOME})
        assert came[0]["subprotocol"] == "convokit.v1"
        assert json.loads(came[1]["text"])["t"] == "welcome"


async def test_the_line_of_who_is_signed_in_no_more_is_closed() -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        await sign_in(client)
        hello = {"sid": None, "wait": 0, "frames": [HELLO]}
        sid = (await client.post("/v1/poll", json=hello, headers=WRITES)).json()["sid"]
        await people.set_password(world.store, "maya", "another horse battery staple")
        (page,) = world.floor.pages
        await world.passes(seconds=31)
        assert page.line.closed == (4401, "signed out")
        assert (await client.post("/v1/poll", json={"sid": sid, "frames": []}, headers=WRITES)).status_code == 401


async def test_other_rights_close_the_line_so_that_it_comes_back_with_them() -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        await sign_in(client)
        await client.post("/v1/poll", json={"sid": None, "wait": 0, "frames": [HELLO]}, headers=WRITES)
        (page,) = world.floor.pages
        account = await people.account_of(world.store, "maya")
        assert account
        changed = evolve(account, operator=evolve(MAYA, queues=["billing"]))
        await world.store.keep(people.OPERATORS, "maya", people.codec.encode(changed))
        await world.passes(seconds=31)
        assert page.line.closed == (1012, "your rights have changed")


async def test_signing_out_closes_the_lines_at_once() -> None:
    async with world_with(MAYA) as world, browser(world) as client:
        await sign_in(client)
        await client.post("/v1/poll", json={"sid": None, "wait": 0, "frames": [HELLO]}, headers=WRITES)
        (page,) = world.floor.pages
        await client.post("/signout", headers=WRITES)
        assert page.line.closed == (4401, "signed out")


# ── limits ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_commands_come_at_most_twenty_at_once_and_five_a_second() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        for number in range(20):
            assert (await maya.ask("note", conv=conv, text=f"{number}"))["t"] == "ack"
        slow = await maya.ask("note", conv=conv, text="too many")
        assert (slow["code"], slow["retry"]) == ("rate", "after")
        await world.passes(milliseconds=slow["after_ms"])
        assert (await maya.ask("note", conv=conv, text="fine"))["t"] == "ack"


async def test_texts_have_bounds_and_nothing_is_not_said() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        conv = await world.says("Ada", "person")
        epoch = await world.epoch(conv)
        assert (await maya.ask("send", conv=conv, epoch=epoch, text=" \n"))["code"] == "empty"
        assert (await maya.ask("send", conv=conv, epoch=epoch, text="x" * 8001))["code"] == "too_long"
        assert (await maya.ask("send", conv=conv, epoch=epoch, text="x", files=["f_1"]))["code"] == "file_missing"
        assert (await maya.ask("send", conv=conv, text="x"))["code"] == "bad_frame"
        assert (await maya.ask("send", conv=conv, epoch=epoch, text="a\ud800b"))["t"] == "ack"
        assert (await world.public(conv))[-1] == "a\ufffdb"


VALUES: list[Any] = [
    None, True, 0, -1, 2**70, 1.5, "", "x", "web:c_ada", ":", "a:", "\ud800:\ud800", "*" * 5000, [], {}, [{}],
    {"operator": 1}, {"operator": "nobody"}, {"queue": "none"}, {"a": {"b": []}},
]  # fmt: skip
FIELDS = (
    "conv",
    "epoch",
    "text",
    "files",
    "to",
    "note",
    "offer",
    "outcome",
    "tags",
    "reason",
    "mode",
    "on",
    "seq",
    "status",
)


async def test_frames_of_any_shape_are_answered_and_never_raise() -> None:
    async with World() as world:
        lea = await world.sits(LEA)
        conv = await world.says("Ada", "person")
        fields = {"conv": conv, "epoch": 1, "text": "x", "to": {"queue": ""}, "note": "n", "before": 5, "after": 0}
        for kind in (*ACTS, *SPEAKS, "nothing", "hello"):
            for name in (*FIELDS, "before", "after", "limit", "log", "canned", "mentions"):
                for value in VALUES:
                    await lea.page.take({"t": kind, "cid": world.new_cid(), **fields, name: value})
                    world.clock._now += timedelta(seconds=1)
                await world.settles()
                lea.line.take()
            for cid in VALUES:
                await lea.page.take({"t": kind, "cid": cid, **fields})
        await world.settles()
        assert lea.line.closed is None
        assert (await lea.ask("note", conv=conv, text="still here"))["t"] == "ack"


@pytest.mark.parametrize("frame", [{"lists": value, "convs": value} for value in VALUES])
async def test_a_hello_of_any_shape_is_welcomed(frame: dict[str, Any]) -> None:
    async with World() as world:
        await world.says("Ada", "person")
        maya = await world.sits(MAYA, **frame)
        assert maya.newest("welcome")


async def test_a_name_that_reads_like_a_colleagues_is_marked() -> None:
    async with World() as world:
        maya = await world.sits(MAYA)
        for name, marked in (("Maya", True), ("MÁYA · Support", True), ("Shop", True), ("Ada", False)):
            conv = await world.says(name, "person")
            assert maya.row(conv).get("lookalike", False) is marked, name


async def test_a_queue_that_was_never_named_is_no_target() -> None:
    async with World() as world:
        lea = await world.sits(LEA)
        conv = await world.says("Ada", "person")
        gone = await lea.ask("assign", conv=conv, to={"queue": "nowhere"}, reason="", epoch=await world.epoch(conv))
        assert gone["code"] == "not_found"
        assert await world.store.load(ConversationId.parse(conv))
