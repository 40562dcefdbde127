"""The shop in Django, really run: its pages, the chat and the inbox in one process."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
from hosting import Page, hosted

pytest.importorskip("django", reason='Django is not installed: python -m pip install -e ".[interop]"')
pytestmark = pytest.mark.slow

SHOP = "http://127.0.0.1:8000"


@pytest.fixture
def anyio_backend() -> str:
    """Django runs on asyncio only."""
    return "asyncio"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The shop, on a database of its own; Django is set up once a process."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DJANGO_SECRET_KEY", "a secret for tests")
        patched.chdir(tmp_path_factory.mktemp("shop"))
        from django.core.management import call_command  # noqa: PLC0415  it may be missing
        from shop_asgi import application  # noqa: PLC0415  settings are read where the database shall be

        call_command("migrate", verbosity=0)
        yield application


@pytest.fixture
async def browser(shop: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with hosted(shop, SHOP) as client:
        yield client


async def test_a_view_tells_a_customer_in_the_chat_that_an_order_has_left(browser: httpx.AsyncClient) -> None:
    page = Page(browser, "/bot/web/", origin=SHOP)
    with anyio.fail_after(20):
        await page.opens()
        frames = await page.says({"t": "send", "cid": "cid_0123456789ab", "text": "hello"})
        (conversation,) = {one["conv"] for one in frames if one["t"] == "ack"}
        assert await page.hears(2) == ["hello", "Thank you, we have got that."]
        for _ in range(2):
            answer = await browser.get("/orders/42/shipped", params={"conversation": conversation})
            assert answer.json() == {"told": "42"}
        assert (await page.hears(3))[2:] == ["Order 42 has left our shop."]


def signed_in(*, staff: bool) -> str:
    """A user of Django's who has signed in: the session's key."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: PLC0415  set up by now
    from django.contrib.auth.models import User  # noqa: PLC0415  as above
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415  as above

    user = User.objects.create_user(f"maya-{staff}", is_staff=staff)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


@pytest.mark.parametrize(("staff", "status"), [(True, 200), (False, 401)])
async def test_the_shops_own_staff_is_signed_in_to_the_inbox(
    browser: httpx.AsyncClient, *, staff: bool, status: int
) -> None:
    key = await anyio.to_thread.run_sync(lambda: signed_in(staff=staff))
    headers = {"cookie": f"sessionid={key}"}
    assert (await browser.get("/bot/inbox/v1/answers", headers=headers)).status_code == status
