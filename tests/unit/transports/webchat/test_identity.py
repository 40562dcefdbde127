"""Who is chatting, and who is not."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from convokit import DefinitionError, User
from convokit.transports import WebChat
from convokit.transports.webchat import customer_token

pytestmark = pytest.mark.anyio

KEY = "k" * 40
OTHER = "o" * 40


def signed(shop: Any, sub: str = "ida", *, key: str = KEY, kid: str = "k1", bot: str = "shop", **claims: Any) -> str:
    return customer_token(key, kid, bot=bot, sub=sub, now=shop.clock.now(), **claims)


async def talk(page: Any, number: int, text: str) -> dict[str, Any]:
    async with page.open() as line:
        await line.hello()
        await line.send("send", cid=f"cid_0123456789{number:04d}", text=text)
        ack: dict[str, Any] = await line.until("ack", "error")
        return ack


# ── anonymous ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_page_of_our_own_site_gets_a_cookie_that_scripts_cannot_read(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        reply = await page.visit()
        header = reply.headers["set-cookie"]
        assert header.startswith("__Host-ck-shop=ckv_")
        assert all(word in header for word in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=2592000"))
        assert "token" not in reply.json()
        assert reply.headers["cache-control"] == "no-store"
        secret = page.cookies["__Host-ck-shop"]
        assert len(secret) >= 43 + 4
        shelf = await shop.store.on_shelf("visitors")
        assert secret not in str(shelf), "only its hash is kept"
        again = await page.visit()
        assert again.json() == reply.json()
        assert "set-cookie" not in again.headers


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"origin": "http://localhost:8000", "host": "localhost:8000", "scheme": "http"}, "ck-shop"),
        ({"origin": "https://www.shop.example", "host": "chat.shop.example", "site": "same-site"}, "__Host-ck-shop"),
        ({"origin": "https://www.shop.example", "host": "chat.shop.example", "site": "cross-site"}, ""),
        ({"origin": "http://192.168.1.5:8000", "host": "192.168.1.5:8000", "scheme": "http"}, ""),
        ({"origin": None}, ""),
    ],
)
async def test_where_no_cookie_would_come_back_the_page_keeps_a_token(
    open_shop: Any, settings: dict[str, Any], name: str
) -> None:
    async with open_shop(origins=["https://www.shop.example"]) as shop:
        page = shop.browser(**settings)
        reply = await page.visit()
        assert list(page.cookies) == ([name] if name else [])
        assert ("token" in reply.json()) == (not name)
        assert (await talk(page, 1, "hi"))["t"] == "ack"


async def test_the_token_is_exchanged_daily_and_the_old_one_works_a_minute_more(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser(origin=None)
        first = await page.visit()
        old = page.token
        await shop.passes(86_400)
        second = await page.visit()
        assert page.token != old
        assert second.json()["visitor"] == first.json()["visitor"]
        other_tab = shop.browser(origin=None, token=old)
        assert (await other_tab.visit()).json()["visitor"] == first.json()["visitor"]
        await shop.passes(61)
        stranger = shop.browser(origin=None, token=old)
        assert (await stranger.visit()).json()["visitor"] != first.json()["visitor"]


async def test_a_visitor_is_forgotten_after_thirty_days_of_silence(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        first = (await page.visit()).json()
        await shop.passes(29 * 86_400)
        assert (await page.visit()).json() == first
        await shop.passes(31 * 86_400)
        assert (await page.visit()).json() != first


async def test_without_a_visit_the_line_is_accepted_and_closed_so_that_the_page_learns_why(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        async with page.open() as line:
            assert (await line.closed()).code == 4401
        async with page.open(token="ckv_made-up") as line:
            assert (await line.closed()).code == 4401
        assert (await page.post("v1/poll", {"sid": None, "frames": []})).status == 401


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://shop.example.evil.example",
        "https://shop.example:444",
        "https://sub.shop.example",
    ],
)
async def test_a_foreign_origin_is_refused_on_every_door(open_shop: Any, origin: str) -> None:
    async with open_shop(origins=["https://www.shop.example"]) as shop:
        mine = shop.browser()
        await mine.visit()
        page = shop.browser(origin=origin, cookies=dict(mine.cookies))
        async with page.open() as line:
            end = await line.closed()
            assert (end.code, end.reason) == (4403, "origin")
        for reply in (
            await page.visit(),
            await page.post("v1/poll", {}),
            await page.request("PUT", "v1/files/cid_0123456789", b"x"),
        ):
            assert reply.status == 403
            assert "access-control-allow-origin" not in reply.headers
            assert reply.headers["vary"] == "Origin"


async def test_a_cookie_without_an_origin_proves_nothing(open_shop: Any) -> None:
    async with open_shop() as shop:
        page = shop.browser()
        await page.visit()
        bare = shop.browser(origin=None, cookies=dict(page.cookies))
        async with bare.open() as line:
            assert (await line.closed()).code == 4401


async def test_a_listed_origin_may_ask_and_is_answered_with_what_browsers_want(open_shop: Any) -> None:
    async with open_shop(origins=["https://www.shop.example"]) as shop:
        page = shop.browser(origin="https://www.shop.example", host="chat.example", site="cross-site")
        asked = await page.request("OPTIONS", "v1/visit", headers={"access-control-request-method": "POST"})
        assert asked.status == 204
        assert asked.headers["access-control-allow-origin"] == "https://www.shop.example"
        assert "authorization" in asked.headers["access-control-allow-headers"]
        reply = await page.visit()
        assert reply.headers["access-control-allow-origin"] == "https://www.shop.example"


async def test_nobody_reads_the_conversation_of_another(open_shop: Any) -> None:
    async with open_shop() as shop:
        ada, eve = shop.browser(), shop.browser(address="198.51.100.9")
        await ada.visit()
        await eve.visit()
        ack = await talk(ada, 1, "my secret")
        async with eve.open() as line:
            await line.send("hello", v=1, conv=ack["conv"], log=ack["log"], after=0)
            assert (await line.closed()).code == 4404
        body = {"sid": None, "conv": ack["conv"], "log": ack["log"], "after": 0, "wait": 0, "frames": []}
        polled = (await eve.post("v1/poll", body)).json()
        assert polled["close"]["code"] == 4404
        assert "my secret" not in str(polled)


# ── customers ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_signed_customer_is_known_by_the_business_word(open_shop: Any) -> None:
    async with open_shop(keys={"k1": KEY}) as shop:
        page = shop.browser()
        reply = await page.visit(signed(shop, name="Ida Berg", email="ida@x.example", attrs={"tier": "gold"}))
        assert reply.json()["visitor"] == {"id": "customer:ida", "kind": "customer", "name": "Ida Berg"}
        await talk(page, 1, "hi")
        await shop.engine.quiet()
        (event,) = shop.heard
        assert event.user == User(id="customer:ida", name="Ida Berg", verified=True)
        assert event.context == {
            "customer": {"email": "ida@x.example", "email_verified": False, "attrs": {"tier": "gold"}}
        }


def forged(shop: Any, **head: Any) -> str:
    """A token whose header says something else than what it was signed with."""
    token = signed(shop)
    _, body, mark = token.split(".")
    header = {"alg": "HS256", "kid": "k1", "typ": "ck-customer+jwt", **head}
    return f"{urlsafe_b64encode(json.dumps(header).encode()).rstrip(b'=').decode()}.{body}.{mark}"


BAD = {
    "another key": lambda shop: signed(shop, key=OTHER),
    "an unknown kid": lambda shop: signed(shop, kid="k9"),
    "another bot": lambda shop: signed(shop, bot="other"),
    "no algorithm": lambda shop: forged(shop, alg="none"),
    "another algorithm": lambda shop: forged(shop, alg="EdDSA"),
    "no signature": lambda shop: signed(shop).rpartition(".")[0] + ".",
    "another type": lambda shop: forged(shop, typ="JWT"),
    "a critical header": lambda shop: forged(shop, crit=["exp"]),
    "two hours of life": lambda shop: signed(shop, minutes=120),
    "the past": lambda shop: signed(shop, iat=1_000_000_000, exp=1_000_000_900),
    "the future": lambda shop: signed(shop, iat=4_000_000_000, exp=4_000_000_900),
    "a text for a time": lambda shop: signed(shop, exp=str(int(shop.clock.now().timestamp()) + 60)),
    "no end": lambda shop: signed(shop, exp=None),
    "true for a time": lambda shop: signed(shop, iat=True),
    "nobody": lambda shop: signed(shop, sub=""),
    "a number for a name": lambda shop: signed(shop, sub=7),  # type: ignore[arg-type]  what a careless host sends
    "nonsense": lambda _: "a.b.c",
    "padding": lambda shop: signed(shop) + "=",
    "a megabyte": lambda _: "a" * 1_000_000 + ".b.c",
}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad)
async def test_a_token_with_something_wrong_signs_nobody_in(open_shop: Any, bad: str) -> None:
    async with open_shop(keys={"k1": KEY}) as shop:
        token = BAD[bad](shop)
        page = shop.browser()
        reply = await page.visit(token)
        assert (reply.status, reply.json()) == (401, {"code": "auth_required"})
        assert not page.cookies
        async with page.open(token=token[:4000]) as line:
            assert (await line.closed()).code == 4401


async def test_clocks_may_differ_by_a_minute(open_shop: Any) -> None:
    async with open_shop(keys={"k1": KEY}) as shop:
        now = int(shop.clock.now().timestamp())
        late, early = signed(shop, iat=now - 900, exp=now - 50), signed(shop, iat=now + 50, exp=now + 900)
        for token in (late, early):
            assert (await shop.browser().visit(token)).status == 200


async def test_keys_are_exchanged_without_a_stop(open_shop: Any) -> None:
    async with open_shop(keys={"k1": KEY, "k2": OTHER}) as shop:
        for token in (signed(shop), signed(shop, key=OTHER, kid="k2")):
            assert (await shop.browser().visit(token)).json()["visitor"]["id"] == "customer:ida"


async def test_the_hosts_own_verifier_may_say_who_it_is(open_shop: Any) -> None:
    async def verify(token: str) -> User | None:
        return User(id="ida", name="Ida") if token == "opaque" else None

    async with open_shop(verify=verify) as shop:
        page = shop.browser()
        assert (await page.visit("opaque")).json()["visitor"]["id"] == "customer:ida"
        assert (await shop.browser().visit("wrong")).status == 401


async def test_where_customers_are_required_nobody_else_comes_in(open_shop: Any) -> None:
    async with open_shop(keys={"k1": KEY}, customers="required") as shop:
        page = shop.browser()
        assert (await page.visit()).json() == {"code": "auth_required"}
        async with page.open() as line:
            assert (await line.closed()).code == 4401
        assert (await page.visit(signed(shop))).status == 200
        assert (await talk(page, 1, "hi"))["t"] == "ack"


async def test_the_conversation_of_an_anonymous_visitor_goes_with_them_when_they_sign_in_once(open_shop: Any) -> None:
    async with open_shop(keys={"k1": KEY}) as shop:
        page = shop.browser()
        await page.visit()
        planted = dict(page.cookies)
        ack = await talk(page, 1, "where is my order")
        spy = shop.browser(cookies=planted)
        async with spy.open() as overheard:
            await overheard.hello()
            reply = await page.visit(signed(shop))
            assert (await overheard.closed()).code == 4401, "who knows the old token hears nothing more"
        assert reply.json()["visitor"]["id"] == "customer:ida"
        async with page.open() as line:
            welcome = await line.hello()
            assert welcome["conv"] == ack["conv"]
            assert [one["text"] for one in welcome["entries"]][:1] == ["where is my order"]
            await line.send("send", cid="cid_01234567890001", text="where is my order")
            again = await line.until("ack")
            assert again["seq"] == 1, "what was sent before signing in is known after it"
        async with spy.open() as line:
            assert (await line.closed()).code == 4401
        await spy.visit()
        async with spy.open() as line:
            assert (await line.hello())["conv"] is None


async def test_another_customer_is_another_visitor(open_shop: Any) -> None:
    async with open_shop(keys={"k1": KEY}) as shop:
        page = shop.browser()
        await page.visit(signed(shop, "ida"))
        ack = await talk(page, 1, "ida's words")
        async with page.open() as line:
            await line.hello()
            reply = await page.visit(signed(shop, "ben"))
            assert (await line.closed()).code == 4401
        assert reply.json()["visitor"]["id"] == "customer:ben"
        async with page.open() as line:
            assert (await line.hello())["conv"] is None
        async with page.open() as line:
            await line.send("hello", v=1, conv=ack["conv"], log=None, after=0)
            assert (await line.closed()).code == 4404


async def test_signing_out_ends_every_page_of_the_session_and_only_those(open_shop: Any) -> None:
    async with open_shop(keys={"k1": KEY}) as shop:
        page, phone = shop.browser(), shop.browser()
        await page.visit(signed(shop))
        await phone.visit(signed(shop))
        async with page.open() as line, phone.open() as elsewhere:
            await line.hello()
            await elsewhere.hello()
            old = dict(page.cookies)
            reply = await page.visit(out=True)
            assert reply.status == 200
            assert not page.cookies
            assert (await line.closed()).code == 4401
            await elsewhere.send("ping", n=1)
            assert (await elsewhere.until("pong"))["n"] == 1
        async with shop.browser(cookies=old).open() as line:
            assert (await line.closed()).code == 4401
        assert (await page.visit()).json()["visitor"]["kind"] == "anonymous"


async def test_a_customer_is_vouched_for_again_or_goes(open_shop: Any) -> None:
    async with open_shop(keys={"k1": KEY}) as shop:
        page = shop.browser()
        await page.visit(signed(shop))
        async with page.open() as line, page.open() as silent:
            await line.hello()
            await silent.hello()
            await shop.passes(15 * 60 + 10)
            assert (await line.until("auth"))["exp_in"] == 50_000
            await line.send("auth", token=signed(shop))
            assert (await line.until("auth"))["ok"] is True
            await shop.passes(55)
            assert (await silent.closed()).code == 4401
            await line.send("ping", n=1)
            assert (await line.until("pong"))["n"] == 1
            await line.send("auth", token=signed(shop, "ben"))
            assert (await line.closed()).code == 4401


async def test_a_customers_token_opens_a_line_by_itself(open_shop: Any) -> None:
    async with open_shop(keys={"k1": KEY}) as shop:
        page = shop.browser(token=signed(shop))
        assert (await talk(page, 1, "hi"))["t"] == "ack"


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"keys": {"k1": "short"}}, "shorter than 32"),
        ({"direct_line_secret": "d" * 31}, "direct_line_secret is shorter than 32"),
        ({"origins": ["https://shop.example/"]}, "an origin is"),
        ({"origins": ["*"]}, "an origin is"),
        ({"customers": "required"}, "needs keys"),
        ({"customers": "perhaps"}, "'optional', 'required' or 'none'"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_starts(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        WebChat(**settings).check()


def test_a_secret_shows_nowhere() -> None:
    chat = WebChat(keys={"k1": KEY}, direct_line_secret="d" * 40)
    assert KEY not in repr(chat) + repr(chat._setup)
    assert "d" * 40 not in repr(chat._setup)


async def test_too_many_newcomers_from_one_address_are_told_to_wait(open_shop: Any) -> None:
    async with open_shop() as shop:
        for _ in range(30):
            assert (await shop.browser().visit()).status == 200
        reply = await shop.browser().visit()
        assert reply.status == 429
        assert reply.json() == {"code": "rate", "after_ms": 2000}
        assert reply.headers["retry-after"] == "3"
        assert (await shop.browser(address="198.51.100.77").visit()).status == 200
        for number in range(30):
            assert (await shop.browser(address=f"2001:db8::{number:x}").visit()).status == 200
        assert (await shop.browser(address="2001:db8::ffff:1").visit()).status == 429, "one /64 is one address"


async def test_open_pages_are_bounded_for_a_visitor_for_an_address_and_in_all(open_shop: Any) -> None:
    from contextlib import AsyncExitStack  # noqa: PLC0415  beside its only use

    from convokit.transports.webchat import Bounds  # noqa: PLC0415  beside its only use

    bounds = Bounds(sockets=4, per_visitor=2, per_address=3)
    async with open_shop(bounds=bounds) as shop, AsyncExitStack() as stack:
        ada, ben, far = shop.browser(), shop.browser(), shop.browser(address="198.51.100.7")
        for page in (ada, ben, far):
            await page.visit()
        lines = [await stack.enter_async_context(page.open()) for page in (ada, ada, ben)]
        for line in lines:
            await line.hello()
        async with ada.open() as line:
            assert (await line.closed()).code == 4429
        async with ben.open() as line:
            assert (await line.closed()).code == 4429
        last = await stack.enter_async_context(far.open())
        await last.hello()
        async with far.open() as line:
            assert (await line.closed()).code == 4503
        assert len(shop.chat._pages) == 4
    assert len(shop.chat._pages) == 0, "who left is not counted"
